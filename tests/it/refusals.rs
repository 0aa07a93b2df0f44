//! Decides what a request that can't be answered is told, and that the server serves on.

use std::io::Write;
use std::time::Duration;

use lungfield_radiograph::geometry::Size;
use png::{BitDepth, ColorType};

use crate::client::{BOUNDARY, Raw, form};
use crate::samples::{
    declared, film, film_of, film_of_length, fixture, lungs, picture, picture_png, png, some_lungs,
};
use crate::server::{MAX_BODY_BYTES, Server, Setup};
use lungfield_engine::fake::{Behaviour, FakeSegmenter};

fn impatient() -> Server {
    let mut setup = Setup::default();
    setup.http.body_timeout = Duration::from_millis(300);
    Server::start(FakeSegmenter::new(Behaviour::Echo), &setup)
}

#[test]
fn an_empty_body_is_refused() {
    let server = Server::echo();
    let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
    server
        .post("/v1/segment")
        .send()
        .assert_problem(400, "empty_body");
    server
        .post("/v1/segment")
        .chunked()
        .send()
        .assert_problem(400, "empty_body");
    server
        .post("/v1/segment")
        .header("content-type", &multipart)
        .send()
        .assert_problem(400, "empty_body");
    server
        .post("/v1/segment")
        .form(&[("image", b"")])
        .send()
        .assert_problem(400, "empty_body");
    server.assert_still_serves();
}

#[test]
fn a_form_needs_exactly_one_film_and_knows_two_parts() {
    let server = Server::echo();
    let film = film();
    let film = film.as_slice();
    let table = [
        ([].as_slice(), "missing_image"),
        (&[("ground_truth", film)], "missing_image"),
        (&[("image", film), ("image", film)], "duplicate_part"),
        (
            &[
                ("image", film),
                ("ground_truth", film),
                ("ground_truth", film),
            ],
            "duplicate_part",
        ),
        (&[("image", film), ("comment", b"a word")], "unknown_part"),
        (&[("Image", film)], "unknown_part"),
        (&[("", film)], "unknown_part"),
    ];
    for (parts, code) in table {
        server
            .post("/v1/segment")
            .form(parts)
            .send()
            .assert_problem(400, code);
    }
    server.assert_still_serves();
}

#[test]
fn a_form_that_can_not_be_taken_apart_is_refused() {
    let server = Server::echo();
    let whole = form(&[("image", &film())]);
    let unnamed =
        format!("--{BOUNDARY}\r\nContent-Type: image/png\r\n\r\nfilm\r\n--{BOUNDARY}--\r\n");
    let headless = format!("--{BOUNDARY}\r\nno header\r\n\r\nfilm\r\n--{BOUNDARY}--\r\n");
    let table = [
        (
            "multipart/form-data",
            whole.as_slice(),
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=",
            &whole,
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=another",
            &whole,
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            &whole[..whole.len() / 2],
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            &whole[..whole.len() - 10],
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            b"no form at all",
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            headless.as_bytes(),
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            unnamed.as_bytes(),
            "unknown_part",
        ),
    ];
    for (media, body, code) in table {
        let reply = server
            .post("/v1/segment")
            .header("content-type", media)
            .body(body)
            .send();
        reply.assert_problem(400, code);
    }
    server.assert_still_serves();
}

#[test]
fn what_is_no_film_is_refused_whatever_it_is_said_to_be() {
    let server = Server::echo();
    let kinds: [&[u8]; 8] = [
        b"a plain text",
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
        b"PK\x03\x04\x14\0\0\0\x08\0",
        b"GIF89a\x40\0\x30\0\xf0\0\0\xff\xff\xff\0\0\0!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0;",
        b"{\"size\":[4,5],\"counts\":\"5260M0\"}",
        b"\x89PN",
        &[0; 1000],
        &[0xff; 1000],
    ];
    for bytes in kinds {
        let raw = server
            .post("/v1/segment")
            .header("content-type", "image/png")
            .body(bytes)
            .send();
        raw.assert_problem(415, "unrecognised_image");
        server
            .post("/v1/segment")
            .form(&[("image", bytes)])
            .send()
            .assert_problem(415, "unrecognised_image");
    }
    server.assert_still_serves();
}

#[test]
fn a_body_of_another_type_is_refused() {
    let server = Server::echo();
    for media in [
        "text/plain",
        "application/json",
        "image/gif",
        "application/x-www-form-urlencoded",
        "nonsense",
    ] {
        let reply = server
            .post("/v1/segment")
            .header("content-type", media)
            .body(film())
            .send();
        reply.assert_problem(415, "unsupported_media_type");
    }
    server.assert_still_serves();
}

#[test]
fn a_film_that_is_cut_short_is_refused_wherever_it_is_cut() {
    let server = Server::echo();
    let noise: Vec<u8> = (0..64 * 48_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let noisy = png(ColorType::Grayscale, BitDepth::Eight, &noise);
    let jpegs = [
        fixture!("grey.jpg"),
        fixture!("progressive_grey.jpg"),
        fixture!("cmyk.jpg"),
    ];
    let tiffs = [fixture!("packbits8.tif"), fixture!("tiled16.tif")];
    for whole in [noisy.as_slice(), fixture!("interlaced_grey16.png")]
        .into_iter()
        .chain(jpegs)
        .chain(tiffs)
    {
        server.post("/v1/segment").body(whole).send().segmented();
        for cut in [12, whole.len() / 4, whole.len() / 2, whole.len() * 9 / 10] {
            let reply = server.post("/v1/segment").body(&whole[..cut]).send();
            reply.assert_problem(422, "undecodable_image");
        }
    }
    server.assert_still_serves();
}

#[test]
fn films_of_unusable_sizes_are_refused_before_memory_is_taken_for_them() {
    let server = Server::echo();
    for (width, height, status, code) in [
        (60_000, 60_000, 413, "too_many_pixels"),
        (8_001, 8_000, 413, "too_many_pixels"),
        (u32::MAX >> 1, u32::MAX >> 1, 413, "too_many_pixels"),
        (1, 1, 422, "image_too_small"),
        (31, 500, 422, "image_too_small"),
        (64, 64, 422, "undecodable_image"),
    ] {
        let reply = server
            .post("/v1/segment")
            .body(declared(width, height))
            .send();
        reply.assert_problem(status, code);
    }
    server.assert_still_serves();
}

#[test]
fn a_file_of_several_frames_is_refused() {
    let server = Server::echo();
    let mut animated = Vec::new();
    let mut encoder = png::Encoder::new(&mut animated, 64, 48);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for _frame in 0..2 {
        writer.write_image_data(&picture()).unwrap();
    }
    writer.finish().unwrap();
    for file in [animated.as_slice(), fixture!("two_pages.tif")] {
        server
            .post("/v1/segment")
            .body(file)
            .send()
            .assert_problem(422, "several_frames");
    }
    server.assert_still_serves();
}

#[test]
fn a_body_over_the_limit_is_refused_whether_or_not_it_says_its_length() {
    let server = Server::echo();
    let limit = usize::try_from(MAX_BODY_BYTES).unwrap();
    assert_eq!(
        server
            .post("/v1/segment")
            .body(film_of_length(limit))
            .send()
            .mask(),
        some_lungs()
    );
    let large = film_of_length(limit + 1);
    server
        .post("/v1/segment")
        .body(large.as_slice())
        .send()
        .assert_problem(413, "body_too_large");
    server
        .post("/v1/segment")
        .body(large.as_slice())
        .chunked()
        .send()
        .assert_problem(413, "body_too_large");
    let form = [("image", large.as_slice())];
    server
        .post("/v1/segment")
        .form(&form)
        .send()
        .assert_problem(413, "body_too_large");
    server
        .post("/v1/segment")
        .form(&form)
        .chunked()
        .send()
        .assert_problem(413, "body_too_large");

    // One that says so is refused before it sends anything.
    let mut raw = Raw::begin(server.address, limit + 1, "/v1/segment", b"");
    raw.reply().assert_problem(413, "body_too_large");
    server.assert_still_serves();
}

#[test]
fn a_sender_that_leaves_half_way_harms_nobody() {
    let server = Server::echo();
    let film = film();
    for _sender in 0..20 {
        drop(Raw::begin(
            server.address,
            film.len(),
            "/v1/segment",
            &film[..film.len() / 2],
        ));
    }
    let mut early = Raw::begin(
        server.address,
        film.len(),
        "/v1/segment",
        &film[..film.len() / 2],
    );
    early.finish();
    let words = String::from_utf8(early.last_words()).unwrap();
    assert!(
        words.is_empty() || words.contains("incomplete_body"),
        "{words}"
    );
    server.assert_still_serves();
}

#[test]
fn a_sender_that_stops_half_way_is_told_that_it_took_too_long() {
    let server = impatient();
    let film = film();
    let mut raw = Raw::begin(
        server.address,
        film.len(),
        "/v1/segment",
        &film[..film.len() / 2],
    );
    raw.reply().assert_problem(408, "body_timeout");

    let mut form = Raw::connect(server.address);
    form.write(b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
    form.write(b"Content-Type: multipart/form-data; boundary=x\r\n\r\n3\r\n--x\r\n");
    form.reply().assert_problem(408, "body_timeout");
    server.assert_still_serves();
}

#[test]
fn queries_that_mean_nothing_are_refused() {
    let server = Server::echo();
    for query in [
        "threshold=nan",
        "threshold=NaN",
        "threshold=0",
        "threshold=1",
        "threshold=2",
        "threshold=-0.5",
        "threshold=inf",
        "threshold=",
        "threshold=half",
        "threshold=0.5&threshold=0.5",
        "format=jpeg",
        "format=",
        "format=JSON",
        "format=json&format=png",
        "rle=plain",
        "rle=counts&rle=counts",
        "colour=red",
        "Format=json",
        "format=%ff",
    ] {
        let reply = server
            .post(&format!("/v1/segment?{query}"))
            .body(film())
            .send();
        reply.assert_problem(400, "invalid_query");
    }
    server.assert_still_serves();
}

#[test]
fn an_accept_that_can_not_be_met_is_refused() {
    let server = Server::echo();
    for accept in [
        "text/html",
        "image/jpeg",
        "application/json;q=0",
        "image/webp, text/*",
        "nonsense",
    ] {
        let reply = server
            .post("/v1/segment")
            .header("accept", accept)
            .body(film())
            .send();
        reply.assert_problem(406, "not_acceptable");
    }
    server.assert_still_serves();
}

#[test]
fn a_reference_mask_that_does_not_fit_its_film_is_refused() {
    let server = Server::echo();
    let film = picture_png();
    let other = film_of(&lungs(Size::new(48, 64).unwrap(), 0));
    let tinted: Vec<u8> = picture().into_iter().flat_map(|v| [v, v, v ^ 1]).collect();
    let tinted = png(ColorType::Rgb, BitDepth::Eight, &tinted);
    let table = [
        (other.as_slice(), "reference_size_mismatch"),
        (
            br#"{"size":[64,48],"counts":[3072]}"#,
            "reference_size_mismatch",
        ),
        (&tinted, "reference_true_colour"),
        (fixture!("colour.jpg"), "reference_true_colour"),
        (b"", "undecodable_reference"),
        (b"a plain text", "undecodable_reference"),
        (b"GIF89a", "undecodable_reference"),
        (&film[..film.len() / 2], "undecodable_reference"),
        (&declared(60_000, 60_000), "undecodable_reference"),
        (&declared(1, 1), "undecodable_reference"),
        (fixture!("two_pages.tif"), "undecodable_reference"),
    ];
    for (reference, code) in table {
        let reply = server
            .post("/v1/segment")
            .form(&[("image", &film), ("ground_truth", reference)])
            .send();
        reply.assert_problem(422, code);
    }
    server.assert_still_serves();
}

#[test]
fn an_rle_that_is_no_mask_is_refused() {
    let server = Server::echo();
    for rle in [
        r#"{"size":[48,64],"counts":[3000]}"#,
        r#"{"size":[48,64],"counts":[3000,73]}"#,
        r#"{"size":[48,64],"counts":[-1,3073]}"#,
        r#"{"size":[48,64],"counts":[4294967295,4294967295]}"#,
        r#"{"size":[48,64],"counts":[99999999999999999999]}"#,
        r#"{"size":[48,64],"counts":[1.5,3070.5]}"#,
        r#"{"size":[48,64],"counts":"52"}"#,
        r#"{"size":[48,64],"counts":"oooooooooooooooooooo"}"#,
        r#"{"size":[48,64],"counts":"~"}"#,
        r#"{"size":[48,64]}"#,
        r#"{"size":[60000,60000],"counts":[3600000000]}"#,
        r#"{"size":[0,0],"counts":[]}"#,
        "{",
    ] {
        let form = [
            ("image", picture_png()),
            ("ground_truth", rle.as_bytes().to_vec()),
        ];
        let form = form
            .each_ref()
            .map(|(name, bytes)| (*name, bytes.as_slice()));
        server
            .post("/v1/segment")
            .form(&form)
            .send()
            .assert_problem(422, "invalid_rle");
    }
    server.assert_still_serves();
}

#[test]
fn a_wrong_method_is_told_the_right_one_and_a_wrong_path_that_there_is_none() {
    let server = Server::echo();
    for path in [
        "/v1/model",
        "/health/live",
        "/health/ready",
        "/openapi.yaml",
    ] {
        let reply = server.post(path).body(film()).send();
        reply.assert_problem(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some("GET,HEAD"), "{path}");
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let reply = crate::client::Call::new(method, server.address, "/v1/segment").send();
        reply.assert_problem(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some("POST"), "{method}");
    }
    for path in [
        "/v1",
        "/v1/segment/",
        "/web/",
        "/docs/",
        "/sample",
        "/v1/segments",
        "/v3/segment",
        "/%2e%2e/etc/passwd",
        "/health",
    ] {
        server.get(path).send().assert_problem(404, "not_found");
        server
            .post(path)
            .body(film())
            .send()
            .assert_problem(404, "not_found");
    }
    server.assert_still_serves();
}

#[test]
fn a_refusal_keeps_the_connection_for_the_next_film() {
    let server = Server::echo();
    let film = film();
    let mut raw = Raw::begin(server.address, film.len(), "/v1/segment?format=no", &film);
    raw.reply().assert_problem(400, "invalid_query");
    let mut head = format!(
        "POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        film.len()
    )
    .into_bytes();
    head.write_all(&film).unwrap();
    raw.write(&head);
    assert_eq!(raw.reply().mask(), some_lungs());
}

#[test]
fn what_is_not_http_ends_its_own_connection_only() {
    let server = Server::echo();
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1000));
    let lengths = "POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd";
    let length = "POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabcd";
    let chunk =
        "POST /v1/segment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnothing\r\n";
    let garbage = "\x16\x03\x01\x02\0\x01\0\x01\u{7f}\r\n\r\n";
    for request in [&long, &many, lengths, length, chunk, garbage] {
        let mut raw = Raw::connect(server.address);
        raw.write(request.as_bytes());
        let words = String::from_utf8_lossy(&raw.last_words()).into_owned();
        assert!(
            words.is_empty() || words.starts_with("HTTP/1.1 4"),
            "{words}"
        );
        server.assert_still_serves();
    }
}
