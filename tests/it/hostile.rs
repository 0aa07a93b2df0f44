//! Decides that no file does harm: one that declares much, or unpacks to much, is answered soon, and the server serves on.

use std::time::{Duration, Instant};

use lungfield_engine::fake::{Behaviour, FakeSegmenter};

use crate::bombs::{
    grey, jpeg_of, jpeg_of_scans, png_of, png_of_chunks, png_with_packed_words, tag, tiff,
    zlib_behind_nothing, zlib_of_zeros,
};
use crate::client::{BOUNDARY, Raw, Reply};
use crate::program::Daemon;
use crate::samples::{picture, picture_png};
use crate::server::{Server, Setup, budget};
use lungfield_testing::small;

/// Half of what a caller has by default until its deadline, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(15);
/// What packed bytes unpack to.
const MUCH: u32 = 1 << 28;

/// A server that takes larger bodies than those of other tests.
fn roomy() -> Server {
    let mut setup = Setup::default();
    setup.http.max_body_bytes = 64 << 20;
    setup.http.byte_budget = budget(128 << 20);
    Server::start(FakeSegmenter::new(Behaviour::Echo), &setup)
}

#[track_caller]
fn soon<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    let taken = started.elapsed();
    assert!(taken < SOON, "{what} took {taken:?}");
    result
}

/// What becomes of a film: `None` where it is segmented.
type Outcome = Option<(u16, &'static str)>;
const UNDECODABLE: Outcome = Some((422, "undecodable_image"));
const TOO_MANY_PIXELS: Outcome = Some((413, "too_many_pixels"));

#[track_caller]
fn assert_outcome(reply: &Reply, outcome: Outcome) {
    match outcome {
        None => drop(reply.segmented()),
        Some((status, code)) => reply.assert_problem(status, code),
    }
}

/// Sends each file as a film, then as a reference mask.
#[track_caller]
fn assert_outcomes(files: impl IntoIterator<Item = (&'static str, Vec<u8>, Outcome)>) {
    let server = roomy();
    let film = picture_png();
    for (what, file, outcome) in files {
        let reply = soon(what, || {
            server.post("/v1/segment").body(file.as_slice()).send()
        });
        assert_outcome(&reply, outcome);
        let form = [
            ("image", film.as_slice()),
            ("ground_truth", file.as_slice()),
        ];
        let reply = soon(what, || server.post("/v1/segment").form(&form).send());
        assert_outcome(&reply, outcome.and(Some((422, "undecodable_reference"))));
        server.assert_still_serves();
    }
}

#[test]
fn a_png_that_unpacks_to_much_costs_little() {
    let size = (64, 48);
    let rows = zlib_of_zeros(1 << 16);
    assert_outcomes([
        (
            "more pixels than it declares",
            png_of(size, b"", &zlib_of_zeros(MUCH)),
            None,
        ),
        (
            "fewer pixels than it declares",
            png_of((8000, 8000), b"", &rows),
            UNDECODABLE,
        ),
        (
            "a text and a profile",
            png_with_packed_words(&picture(), MUCH),
            None,
        ),
        (
            "a million chunks",
            png_of_chunks(&picture(), 1_000_000),
            None,
        ),
    ]);
}

#[test]
fn a_jpeg_that_declares_much_or_comes_again_and_again_costs_little() {
    assert_outcomes([
        ("65500 × 65500", jpeg_of(65_500, 65_500), TOO_MANY_PIXELS),
        ("60000 × 60000", jpeg_of(60_000, 60_000), TOO_MANY_PIXELS),
        (
            "fewer pixels than it declares",
            jpeg_of(8000, 8000),
            UNDECODABLE,
        ),
        ("ten thousand scans", jpeg_of_scans(10_000), UNDECODABLE),
    ]);
}

/// A TIFF of these tags beside those of an 8-bit grey image.
fn grey_tiff(size: [u32; 2], data: &[u8], layout: &[(u16, &[u32])]) -> Vec<u8> {
    let grey = grey(size);
    let mut tags: Vec<(u16, &[u32])> = grey
        .iter()
        .map(|(tag, value)| (*tag, std::slice::from_ref(value)))
        .collect();
    tags.retain(|(tag, _)| layout.iter().all(|(other, _)| tag != other));
    tags.extend_from_slice(layout);
    tags.sort_by_key(|(tag, _)| *tag);
    tiff(data, &tags)
}

const DEFLATE: (u16, &[u32]) = (tag::COMPRESSION, &[8]);

#[test]
fn a_tiff_that_declares_much_costs_little() {
    let strip: [(u16, &[u32]); 3] = [
        (tag::STRIP_OFFSETS, &[8]),
        (tag::ROWS_PER_STRIP, &[48]),
        (tag::STRIP_LENGTHS, &[64 * 48]),
    ];
    let tile: [(u16, &[u32]); 2] = [(tag::TILE_OFFSETS, &[8]), (tag::TILE_LENGTHS, &[64 * 48])];
    let huge_tile = [
        (tag::TILE_WIDTH, &[1 << 20][..]),
        (tag::TILE_HEIGHT, &[1 << 20]),
    ];
    let tall = [strip[0], (tag::ROWS_PER_STRIP, &[60_000]), strip[2]];
    let long_strip = [strip[0], strip[1], (tag::STRIP_LENGTHS, &[u32::MAX])];
    let data = &[0; 64 * 48];
    let bomb = zlib_of_zeros(MUCH);
    let bomb_strip = [strip.as_slice(), &[DEFLATE]].concat();
    assert_outcomes([
        (
            "60000 × 60000",
            grey_tiff([60_000, 60_000], data, &tall),
            TOO_MANY_PIXELS,
        ),
        (
            "a long strip",
            grey_tiff([64, 48], data, &long_strip),
            UNDECODABLE,
        ),
        (
            "a huge tile",
            grey_tiff([64, 48], data, &[tile, huge_tile].concat()),
            UNDECODABLE,
        ),
        (
            "more pixels than it declares",
            grey_tiff([64, 48], &bomb, &bomb_strip),
            None,
        ),
    ]);
}

/// Every strip of it is one and the same, of which nothing comes for a long while.
fn tiff_of_shared_strips() -> Vec<u8> {
    const ROWS: u32 = 60_000;
    let slow = zlib_behind_nothing(&[7; 64], 1_000_000);
    let (offsets, lengths) = (
        vec![8; ROWS as usize],
        vec![u32::try_from(slow.len()).unwrap(); ROWS as usize],
    );
    let layout = [
        DEFLATE,
        (tag::STRIP_OFFSETS, &offsets),
        (tag::ROWS_PER_STRIP, &[1]),
        (tag::STRIP_LENGTHS, &lengths),
    ];
    grey_tiff([64, ROWS], &slow, &layout)
}

/// Its tiles lie far over the image's right edge.
fn tiff_of_padding() -> Vec<u8> {
    const ROWS: u32 = 60_000;
    const TILE: u32 = 1 << 25;
    let bomb = zlib_of_zeros(TILE);
    let (offsets, lengths) = (
        vec![8; ROWS as usize],
        vec![u32::try_from(bomb.len()).unwrap(); ROWS as usize],
    );
    let layout = [
        DEFLATE,
        (tag::TILE_WIDTH, &[TILE]),
        (tag::TILE_HEIGHT, &[1]),
        (tag::TILE_OFFSETS, &offsets),
        (tag::TILE_LENGTHS, &lengths),
    ];
    grey_tiff([64, ROWS], &bomb, &layout)
}

/// It has far more than three colours, in rows of gigabytes.
fn tiff_of_samples() -> Vec<u8> {
    const SAMPLES: u32 = 60_000;
    let (bits, extra) = (vec![8; SAMPLES as usize], vec![0; SAMPLES as usize - 3]);
    let layout = [
        (tag::BITS, bits.as_slice()),
        DEFLATE,
        (tag::PHOTOMETRIC, &[2]),
        (tag::STRIP_OFFSETS, &[8]),
        (tag::SAMPLES, &[SAMPLES]),
        (tag::ROWS_PER_STRIP, &[32]),
        (tag::STRIP_LENGTHS, &[1000]),
        (tag::EXTRA_SAMPLES, &extra),
    ];
    grey_tiff([1 << 16, 32], &zlib_of_zeros(MUCH), &layout)
}

/// It has a bit depth for each of more samples than there are.
fn tiff_of_a_long_list() -> Vec<u8> {
    grey_tiff([64, 48], &[], &[(tag::BITS, &vec![8; 1_900_000])])
}

#[test]
fn a_tiff_that_takes_long_to_unpack_is_given_up() {
    assert_outcomes([
        (
            "strips that are one and the same",
            tiff_of_shared_strips(),
            UNDECODABLE,
        ),
        (
            "tiles that are mostly padding",
            tiff_of_padding(),
            UNDECODABLE,
        ),
        ("sixty thousand colours", tiff_of_samples(), UNDECODABLE),
        (
            "a list that is not there",
            tiff_of_a_long_list(),
            UNDECODABLE,
        ),
    ]);
}

#[test]
fn an_animation_of_a_million_frames_is_not_looked_at() {
    let mut gif = b"GIF89a\x40\0\x30\0\0\0\0".to_vec();
    let frame = b"\x2c\0\0\0\0\x40\0\x30\0\0\x02\x01\x44\0";
    gif.extend(frame.repeat(1_000_000));
    gif.push(b';');
    assert_outcomes([("a million frames", gif, Some((415, "unrecognised_image")))]);
}

#[test]
fn a_form_of_a_million_parts_is_refused_at_the_first_that_is_not_known() {
    let server = roomy();
    let image =
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n\r\n");
    let nameless = format!("--{BOUNDARY}\r\n\r\n\r\n");
    for (part, code) in [(image, "duplicate_part"), (nameless, "unknown_part")] {
        let body = part.repeat(1_000_000 >> 2);
        let media = format!("multipart/form-data; boundary={BOUNDARY}");
        let call = server
            .post("/v1/segment")
            .header("content-type", &media)
            .body(body);
        soon(code, || call.send()).assert_problem(400, code);
        server.assert_still_serves();
    }
}

#[test]
fn a_form_that_comes_to_no_part_is_refused_before_much_of_it_is_held() {
    let server = roomy();
    let begun = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"\r\nX: ");
    let headers = format!("--{BOUNDARY}\r\n{}\r\n", "X: y\r\n".repeat(1 << 17));
    for (what, body) in [
        (
            "a long header",
            [begun.as_bytes(), &vec![b'a'; 1 << 20]].concat(),
        ),
        ("many headers", headers.into_bytes()),
        ("a long preamble", vec![b'a'; 1 << 20]),
    ] {
        let media = format!("multipart/form-data; boundary={BOUNDARY}");
        let call = server
            .post("/v1/segment")
            .header("content-type", &media)
            .body([body, form_end()].concat());
        soon(what, || call.send()).assert_problem(400, "malformed_multipart");
        server.assert_still_serves();
    }
}

fn form_end() -> Vec<u8> {
    format!("\r\n\r\n\r\n--{BOUNDARY}--\r\n").into_bytes()
}

#[test]
fn a_header_of_a_part_that_comes_in_driblets_is_not_searched_over_and_over() {
    let server = roomy();
    let mut raw = Raw::connect(server.address);
    raw.write(b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
    raw.write(format!("Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n").as_bytes());
    let begun = format!("--{BOUNDARY}\r\nX: ");
    raw.write(format!("{:x}\r\n{begun}\r\n", begun.len()).as_bytes());
    let driblets = b"1\r\na\r\n".repeat(1 << 20);
    let reply = soon("driblets", || {
        raw.write(&driblets);
        raw.write(b"0\r\n\r\n");
        raw.reply()
    });
    reply.assert_problem(400, "malformed_multipart");
    server.assert_still_serves();
}

#[test]
fn run_lengths_that_are_made_to_overflow_are_refused() {
    let server = roomy();
    let film = picture_png();
    let texts = [
        (
            "counts beyond 32 bits",
            format!(
                r#"{{"size":[48,64],"counts":[{}1]}}"#,
                "4294967295,".repeat(1 << 18)
            ),
        ),
        (
            "zeros",
            format!(
                r#"{{"size":[48,64],"counts":[{}3072]}}"#,
                "0,".repeat(1 << 20)
            ),
        ),
        (
            "digits",
            format!(r#"{{"size":[48,64],"counts":[{}]}}"#, "9".repeat(1 << 20)),
        ),
        (
            "characters",
            format!(r#"{{"size":[48,64],"counts":"{}"}}"#, "o".repeat(1 << 20)),
        ),
        (
            "empty runs",
            format!(r#"{{"size":[48,64],"counts":"{}"}}"#, "0".repeat(1 << 20)),
        ),
        (
            "sides beyond 64 bits",
            r#"{"size":[4294967295,4294967295],"counts":[4294967295]}"#.to_owned(),
        ),
    ];
    for (what, text) in texts {
        let form = [
            ("image", film.as_slice()),
            ("ground_truth", text.as_bytes()),
        ];
        let reply = soon(what, || server.post("/v1/segment").form(&form).send());
        reply.assert_problem(422, "invalid_rle");
        server.assert_still_serves();
    }
}

#[test]
fn lists_within_lists_beside_run_lengths_are_passed_over() {
    const DEPTH: usize = 1 << 20;
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    let server = roomy();
    let film = picture_png();
    for (text, status) in [
        (
            format!(r#"{{"other":{open}{close},"size":[48,64],"counts":[3072]}}"#),
            200,
        ),
        (format!(r#"{{"size":[48,64],"counts":{open}{close}}}"#), 422),
    ] {
        let form = [
            ("image", film.as_slice()),
            ("ground_truth", text.as_bytes()),
        ];
        assert_eq!(
            soon("nested lists", || server
                .post("/v1/segment")
                .form(&form)
                .send())
            .status,
            status
        );
        server.assert_still_serves();
    }
}

#[test]
fn a_film_that_takes_longer_than_its_deadline_to_decode_is_answered_by_then() {
    let mut setup = Setup::default();
    setup.http.request_timeout = Duration::from_millis(20);
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    let slow = png_of((8000, 8000), b"", &zlib_of_zeros(977 << 16));
    let reply = soon("a large film", || {
        server.post("/v1/segment").body(slow).send()
    });
    reply.assert_problem(504, "deadline_exceeded");
    server.assert_still_serves();
}

/// What the README bounds a server's memory by, above that of the idle server: the bodies, and the largest film for each permit.
fn bound(byte_budget: u64, permits: u64, max_pixels: u64) -> u64 {
    byte_budget + permits * 16 * max_pixels + 64 * 4 * 64 * 64
}

/// Each of the worst that can be sent within these limits, as a film and in a form.
fn worst(max_pixels: u32) -> Vec<(&'static str, Vec<u8>)> {
    let side = max_pixels.isqrt();
    let packed = zlib_of_zeros(MUCH);
    let strip: [(u16, &[u32]); 4] = [
        DEFLATE,
        (tag::STRIP_OFFSETS, &[8]),
        (tag::ROWS_PER_STRIP, &[side]),
        (tag::STRIP_LENGTHS, &[1 << 18]),
    ];
    vec![
        ("the largest film", png_of((side, side), b"", &packed)),
        (
            "a film that is too large",
            png_of((60_000, 60_000), b"", &packed),
        ),
        (
            "a film that unpacks to more",
            png_of((64, 48), b"", &packed),
        ),
        ("a film of words", png_with_packed_words(&picture(), MUCH)),
        ("a film of chunks", png_of_chunks(&picture(), 500_000)),
        ("a JPEG that is too large", jpeg_of(65_500, 65_500)),
        ("a JPEG that is too short", jpeg_of(2000, 2000)),
        ("a JPEG of scans", jpeg_of_scans(10_000)),
        (
            "a TIFF that unpacks to more",
            grey_tiff([side, side], &packed, &strip),
        ),
        ("a TIFF of shared strips", tiff_of_shared_strips()),
        ("a TIFF of padding", tiff_of_padding()),
        ("a TIFF of sixty thousand colours", tiff_of_samples()),
        ("a TIFF of a long list", tiff_of_a_long_list()),
        (
            "six megabytes of nothing",
            [jpeg_of(2000, 2000).as_slice(), &vec![0; 6 << 20]].concat(),
        ),
    ]
}

#[test]
fn a_server_that_is_sent_the_worst_on_every_side_keeps_to_its_memory() {
    const CALLERS: usize = 4;
    let model = small::model();
    let flags = [
        "--max-pixels=4M",
        "--max-body=8MiB",
        "--byte-budget=32MiB",
        "--decode-permits=2",
    ];
    let daemon = Daemon::start(model.path(), &flags);
    assert_eq!(daemon.film(&picture_png()).send().status, 200);
    let idle = daemon.program.peak_bytes();
    for (what, file) in worst(4_000_000) {
        let calls = (0..CALLERS).map(|caller| match caller % 2 {
            0 => daemon.film(&file).start(),
            _ => daemon
                .film(&[])
                .form(&[("image", &picture_png()), ("ground_truth", &file)])
                .start(),
        });
        let calls: Vec<_> = calls.collect();
        let replies = soon(what, || {
            calls
                .into_iter()
                .map(|call| call.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert!(
            replies
                .iter()
                .all(|reply| [200, 413, 422].contains(&reply.status)),
            "{what}: {replies:?}"
        );
    }
    let grown = daemon.program.peak_bytes() - idle;
    let bound = bound(32 << 20, 2, 4_000_000);
    assert!(
        grown <= bound,
        "the server took {grown} bytes more, where {bound} were to be"
    );
    assert_eq!(daemon.film(&picture_png()).send().status, 200);
}
