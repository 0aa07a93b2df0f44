//! Tests of PNG, JPEG and GIF files that declare much, unpack to much, or take long.

use std::time::Duration;

use lungfield_engine::fake::{Behaviour, FakeSegmenter};

use super::bombs::{
    jpeg_of, jpeg_of_scans, png_of, png_of_chunks, png_with_packed_words, zlib_of_zeros,
};
use super::{TOO_MANY_PIXELS, UNDECODABLE, UNPACKED_BYTES, assert_outcomes, in_time};
use crate::samples::picture;
use crate::server::{Server, Setup};

#[test]
fn a_png_that_unpacks_to_much_costs_little() {
    let rows = zlib_of_zeros(1 << 16);
    assert_outcomes([
        (
            "more pixels than it declares",
            png_of(64, 48, b"", &zlib_of_zeros(UNPACKED_BYTES)),
            None,
        ),
        (
            "fewer pixels than it declares",
            png_of(8000, 8000, b"", &rows),
            UNDECODABLE,
        ),
        (
            "a text and a profile",
            png_with_packed_words(&picture(), UNPACKED_BYTES),
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

#[test]
fn an_animation_of_a_million_frames_is_not_looked_at() {
    let mut gif = b"GIF89a\x40\0\x30\0\0\0\0".to_vec();
    let frame = b"\x2c\0\0\0\0\x40\0\x30\0\0\x02\x01\x44\0";
    gif.extend(frame.repeat(1_000_000));
    gif.push(b';');
    assert_outcomes([("a million frames", gif, Some((415, "unrecognised_image")))]);
}

#[test]
fn a_film_that_takes_longer_than_its_deadline_to_decode_is_answered_by_then() {
    let mut setup = Setup::default();
    setup.http.request_timeout = Duration::from_millis(20);
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    let slow = png_of(8000, 8000, b"", &zlib_of_zeros(977 << 16));
    let reply = in_time("a large film", || {
        server.post("/v1/segment").body(slow).send()
    });
    reply.assert_problem(504, "deadline_exceeded");
    server.assert_still_serves();
}
