//! Tests of TIFF files that declare much, unpack to much, or take long.

use super::bombs::{grey, tag, tiff, zlib_behind_nothing, zlib_of_zeros};
use super::{TOO_MANY_PIXELS, UNDECODABLE, UNPACKED_BYTES, assert_outcomes};

pub(super) const DEFLATE: (u16, &[u32]) = (tag::COMPRESSION, &[8]);

/// Encodes an 8-bit grey TIFF whose tags are added to or replaced by those of `layout`.
pub(super) fn grey_tiff(size: [u32; 2], data: &[u8], layout: &[(u16, &[u32])]) -> Vec<u8> {
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
    let bomb = zlib_of_zeros(UNPACKED_BYTES);
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

/// Encodes a TIFF whose strips all share the same data, which begin with a million empty blocks.
pub(super) fn tiff_of_shared_strips() -> Vec<u8> {
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

/// Encodes a TIFF whose tiles reach far beyond the right edge of the image.
pub(super) fn tiff_of_padding() -> Vec<u8> {
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

/// Encodes a TIFF with 60,000 samples a pixel, so that a row takes gigabytes.
pub(super) fn tiff_of_samples() -> Vec<u8> {
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
    grey_tiff([1 << 16, 32], &zlib_of_zeros(UNPACKED_BYTES), &layout)
}

/// Encodes a TIFF whose list of bit depths is longer than its samples.
pub(super) fn tiff_of_a_long_list() -> Vec<u8> {
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
