//! Tests that the memory of a server stays within its bound, whatever it is sent.

use lungfield_testing::small;

use super::bombs::{
    jpeg_of, jpeg_of_scans, png_of, png_of_chunks, png_with_packed_words, tag, zlib_of_zeros,
};
use super::tiff::{
    DEFLATE, grey_tiff, tiff_of_a_long_list, tiff_of_padding, tiff_of_samples,
    tiff_of_shared_strips,
};
use super::{UNPACKED_BYTES, in_time};
use crate::program::Daemon;
use crate::samples::{picture, picture_png};

/// Returns the bound on a server's memory above its idle state, as docs/configuration.md gives it.
fn memory_bound(byte_budget: u64, permits: u64, max_pixels: u64) -> u64 {
    byte_budget + permits * 16 * max_pixels + 64 * 4 * 64 * 64
}

/// Returns the attacks that cost most within a limit of pixels, each with its name.
fn attacks(max_pixels: u32) -> Vec<(&'static str, Vec<u8>)> {
    let side = max_pixels.isqrt();
    let packed = zlib_of_zeros(UNPACKED_BYTES);
    let strip: [(u16, &[u32]); 4] = [
        DEFLATE,
        (tag::STRIP_OFFSETS, &[8]),
        (tag::ROWS_PER_STRIP, &[side]),
        (tag::STRIP_LENGTHS, &[1 << 18]),
    ];
    vec![
        ("the largest film", png_of(side, side, b"", &packed)),
        (
            "a film that is too large",
            png_of(60_000, 60_000, b"", &packed),
        ),
        ("a film that unpacks to more", png_of(64, 48, b"", &packed)),
        (
            "a film of words",
            png_with_packed_words(&picture(), UNPACKED_BYTES),
        ),
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
    for (what, file) in attacks(4_000_000) {
        let calls = (0..CALLERS).map(|caller| match caller % 2 {
            0 => daemon.film(&file).start(),
            _ => daemon
                .film(&[])
                .form(&[("image", &picture_png()), ("ground_truth", &file)])
                .start(),
        });
        let calls: Vec<_> = calls.collect();
        let replies = in_time(what, || {
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
    let memory_bound = memory_bound(32 << 20, 2, 4_000_000);
    assert!(
        grown <= memory_bound,
        "the server took {grown} bytes more, where {memory_bound} were to be"
    );
    assert_eq!(daemon.film(&picture_png()).send().status, 200);
}
