//! Tests of files that are refused as films.

use png::{BitDepth, ColorType};

use crate::samples::{declared, film, fixture, picture, png};
use crate::server::Server;

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
