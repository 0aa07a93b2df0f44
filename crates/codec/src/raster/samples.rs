//! Draws the synthetic picture that the tests of the decoders share.
//! `tests/fixtures/images/generate.py` draws the same picture.

use super::grey::Raster;
use crate::formats::InputFormat;
use crate::{DecodeError, Limits};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::radiograph::Pixels;

pub(crate) const WIDTH: u32 = 64;
pub(crate) const HEIGHT: u32 = 48;

/// Returns the bytes of a file that the generator wrote.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/images/",
            $name
        ))
        .as_slice()
    };
}
pub(crate) use fixture;

/// Returns the picture: `2x + 2y` at column `x` of row `y`.
pub(crate) fn picture() -> Vec<u8> {
    (0..48)
        .flat_map(|y| (0..64).map(move |x| 2 * x + 2 * y))
        .collect()
}

/// Returns the picture in 16 bits, with 0 to 65535 for 0 to 255.
pub(crate) fn deep_picture() -> Vec<u16> {
    picture()
        .into_iter()
        .map(|value| u16::from(value) * 257)
        .collect()
}

/// Returns the coloured picture as RGB: green falls while red rises, and blue is constant.
pub(crate) fn coloured_picture() -> Vec<u8> {
    picture()
        .into_iter()
        .flat_map(|value| [value, 220 - value, 90])
        .collect()
}

/// Returns the luma of the coloured picture.
pub(crate) fn luma_of_coloured_picture() -> Vec<u8> {
    let luma = |red: u8| 0.299 * f64::from(red) + 0.587 * f64::from(220 - red) + 0.114 * 90.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "luma lies in 0 to 255"
    )]
    picture()
        .into_iter()
        .map(|red| luma(red).round() as u8)
        .collect()
}

/// Reads a file as [`crate::decode`] does, up to the default limits.
pub(crate) fn read(bytes: &[u8]) -> Result<Raster, DecodeError> {
    InputFormat::of(bytes)
        .ok_or(DecodeError::Unrecognised)?
        .decode(bytes, Limits::default())
}

/// Asserts that a file holds these 8-bit values, up to a margin.
#[track_caller]
pub(crate) fn assert_eight(bytes: &[u8], expected: &[u8], margin: u8) {
    let raster = read(bytes).expect("the file is whole");
    assert_eq!(Some(raster.film.size()), Size::new(WIDTH, HEIGHT));
    let Pixels::Eight(found) = raster.film.pixels() else {
        panic!("8 bits became 16")
    };
    let error = found
        .iter()
        .zip(expected)
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    assert!(error <= Some(margin), "off by {error:?}");
}

/// Asserts that a file holds exactly these 16-bit values.
#[track_caller]
pub(crate) fn assert_sixteen(bytes: &[u8], expected: &[u16]) {
    let raster = read(bytes).expect("the file is whole");
    assert_eq!(Some(raster.film.size()), Size::new(WIDTH, HEIGHT));
    assert_eq!(raster.film.pixels(), &Pixels::Sixteen(expected.to_vec()));
}

/// Asserts that a file is refused as undecodable wherever it is cut after its first 8 bytes.
#[track_caller]
pub(crate) fn assert_no_cut_is_read(file: &[u8]) {
    for length in 8..file.len() {
        let refusal = read(&file[..length]).err();
        let undecodable = matches!(refusal, Some(DecodeError::Undecodable(_)));
        assert!(
            undecodable,
            "cut at {length} of {}: {refusal:?}",
            file.len()
        );
    }
}
