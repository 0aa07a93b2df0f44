//! Tests with the files in `tests/fixtures/dicom`, which its README describes.

use crate::reference::{ReferenceError, decode_reference};
use crate::{DecodeError, Limits};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::{Pixels, Radiograph, SpacingSource};
use lungfield_radiograph::warnings::Warning;

macro_rules! fixture {
    ($name:expr) => {
        fs_err::read(format!(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/dicom/{}.dcm"),
            $name
        ))
        .unwrap()
    };
}

fn film(name: &str) -> Result<Radiograph, DecodeError> {
    crate::decode(&fixture!(name), &Limits::default())
}

/// Returns the picture: `2x + 2y` at column `x` of row `y`.
fn picture(width: u32, height: u32) -> Vec<u16> {
    (0..height)
        .flat_map(|y| (0..width).map(move |x| u16::try_from(2 * x + 2 * y).unwrap()))
        .collect()
}

/// Scales a value of the picture to `bits` bits, as the generator does.
fn deep(value: u16, bits: u32) -> f64 {
    f64::from(u32::from(value) << (bits - 8) | u32::from(value) >> (16 - bits))
}

/// Asserts that a film shows the picture. `share` converts a value to a share of white, and
/// `margin` is the largest difference of two shares.
#[track_caller]
fn assert_shows(name: &str, margin: f64, share: impl Fn(u16) -> f64) {
    let film = film(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let size = film.size();
    let found: Vec<f64> = match film.pixels() {
        Pixels::Eight(values) => values
            .iter()
            .map(|&value| f64::from(value) / 255.0)
            .collect(),
        Pixels::Sixteen(values) => values
            .iter()
            .map(|&value| f64::from(value) / 65_535.0)
            .collect(),
    };
    let expected = picture(size.width(), size.height())
        .into_iter()
        .map(|value| share(value).clamp(0.0, 1.0));
    let off = found
        .iter()
        .zip(expected)
        .map(|(found, expected)| (found - expected).abs())
        .fold(0.0, f64::max);
    assert!(off <= margin, "{name}: off by {off}");
}

/// Half a step of 16 bits, and a small margin for rounding.
const EXACT: f64 = 0.51 / 65_535.0;

fn in_bits(bits: u32) -> impl Fn(u16) -> f64 {
    move |value| deep(value, bits) / f64::from((1_u32 << bits) - 1)
}

#[test]
fn every_transfer_syntax_gives_the_picture() {
    for (name, bits) in [
        ("explicit_le", 12),
        ("implicit_le", 12),
        ("deflated", 12),
        ("explicit_be", 12),
        ("explicit_le_8", 8),
        ("explicit_be_8", 8),
        ("jpeg_lossless_8", 8),
        ("jpeg_lossless_12", 12),
        ("jpeg_lossless_16", 16),
        ("jpeg_lossless_sv1_8", 8),
        ("jpeg_lossless_sv1_12", 12),
        ("jpeg_lossless_sv1_16", 16),
        ("rle_8", 8),
        ("rle_12", 12),
        ("rle_16", 16),
        ("jpeg2000_lossless_8", 8),
        ("jpeg2000_lossless_12", 12),
        ("jpeg2000_lossless_16", 16),
        ("htj2k_lossless_8", 8),
        ("htj2k_lossless_16", 16),
        ("htj2k_lossless_rpcl_8", 8),
        ("htj2k_lossless_rpcl_16", 16),
        ("one_frame_said", 8),
        ("no_preamble", 12),
        ("bare", 12),
        ("odd", 8),
    ] {
        assert_shows(name, EXACT, in_bits(bits));
    }
}

#[test]
fn lossy_compression_stays_near_the_picture() {
    for (name, bits, margin) in [
        ("jpeg_baseline", 8, 3.0 / 255.0),
        ("jpeg_baseline_fragments", 8, 3.0 / 255.0),
        ("jpeg_extended_8", 8, 3.0 / 255.0),
        ("jpeg2000_8", 8, 2.0 / 255.0),
        ("jpeg2000_12", 12, 6.0 / 4095.0),
        ("jpeg2000_16", 16, 4.0 / 65_535.0),
        ("htj2k", 8, 2.0 / 255.0),
    ] {
        assert_shows(name, margin + EXACT, in_bits(bits));
    }
}

#[test]
fn samples_are_found_at_any_position_in_their_words() {
    for (name, bits) in [
        ("stored_10", 10),
        ("stored_12", 12),
        ("stored_14", 14),
        ("stored_16", 16),
        ("left_aligned", 12),
        ("overlay_bits", 12),
        ("signed", 12),
        ("signed_dirty", 12),
        ("rescale_shift", 12),
        ("rescale_negative", 12),
        ("monochrome1_8", 8),
        ("monochrome1_12", 12),
    ] {
        assert_shows(name, EXACT, in_bits(bits));
    }
}

#[test]
fn a_film_of_8_bits_stays_8_bit() {
    for name in ["explicit_le_8", "monochrome1_8", "rle_8"] {
        assert!(
            matches!(film(name).unwrap().pixels(), Pixels::Eight(_)),
            "{name}"
        );
    }
}

#[test]
fn windows_and_tables_are_applied() {
    let linear = |value| (deep(value, 12) - 1767.5) / 1999.0 + 0.5;
    assert_shows("window_full", EXACT, |value| deep(value, 12) / 4095.0);
    for name in ["window_linear", "window_two"] {
        assert_shows(name, EXACT, linear);
    }
    // The middle of a window is half a value below its centre. After the inversion it is half a
    // value above, so the two differ by one value of 1,999.
    assert_shows("window_monochrome1", EXACT + 1.0 / 1999.0, linear);
    assert_shows("window_linear_exact", EXACT, |value| {
        (deep(value, 12) - 1768.0) / 2000.0 + 0.5
    });
    assert_shows("window_sigmoid", EXACT, |value| {
        1.0 / (1.0 + (-4.0 * (deep(value, 12) - 1768.0) / 2000.0).exp())
    });
    let whole = |value: f64| value.floor();
    for name in ["voi_lut_8", "voi_lut_8_in_words"] {
        assert_shows(name, EXACT, |value| {
            whole(f64::from(value) * f64::from(value) / 255.0) / 255.0
        });
    }
    assert_shows("voi_lut_12", EXACT, |value| {
        let entry = (deep(value, 12) - 500.0).clamp(0.0, 2999.0);
        whole(entry * entry / 2200.0).min(4095.0) / 4095.0
    });
    assert_shows("voi_lut_16", EXACT, |value| {
        whole(deep(value, 12) * deep(value, 12) / 256.0) / 65_535.0
    });
    assert_shows("modality_lut", EXACT, |value| {
        f64::from(value) * f64::from(value) / 65_535.0
    });
}

#[test]
fn the_spacing_at_the_patient_takes_precedence() {
    for (name, expected) in [
        (
            "pixel_spacing",
            Some((0.2, 0.1, SpacingSource::PixelSpacing)),
        ),
        (
            "both_spacings",
            Some((0.2, 0.1, SpacingSource::PixelSpacing)),
        ),
        (
            "imager_pixel_spacing",
            Some((0.2, 0.1, SpacingSource::ImagerPixelSpacing)),
        ),
        ("spacing_zero", None),
        ("explicit_le", None),
    ] {
        let spacing = film(name).unwrap().spacing();
        let spacing =
            spacing.map(|spacing| (spacing.row_mm(), spacing.column_mm(), spacing.source()));
        assert_eq!(spacing, expected, "{name}");
    }
}

#[test]
fn statements_of_an_object_raise_warnings() {
    for (name, expected) in [
        ("explicit_le", None),
        ("lateral", Some(Warning::LateralView)),
        ("lateral_by_code", Some(Warning::LateralView)),
        ("lateral_by_old_code", Some(Warning::LateralView)),
        ("for_processing", Some(Warning::ForProcessing)),
        ("ct", Some(Warning::UnexpectedModality)),
    ] {
        assert_eq!(
            film(name).unwrap().warnings(),
            expected.as_slice(),
            "{name}"
        );
    }
}

#[test]
fn objects_that_are_no_grey_film_are_refused_with_the_reason() {
    for (name, words) in [
        ("rgb", "colour"),
        ("rgb_planes", "colour"),
        ("rle_rgb", "colour"),
        ("palette", "colour"),
        ("jpeg_baseline_colour", "colour"),
        ("jpeg_ls_8", "1.2.840.10008.1.2.4.80 is not read"),
        ("jpeg_ls_16", "1.2.840.10008.1.2.4.80 is not read"),
        ("jpeg_ls_near", "1.2.840.10008.1.2.4.81 is not read"),
        ("jpeg_xl", "is not read"),
        ("jpeg_extended_12", "not read"),
        ("segmentation", "samples of neither 8 nor 16 bits"),
    ] {
        let refusal = film(name).unwrap_err();
        let is_meant = matches!(refusal, DecodeError::SeveralFrames) && name == "segmentation"
            || matches!(&refusal, DecodeError::Undecodable(reason) if reason.contains(words));
        assert!(is_meant, "{name}: {refusal}");
    }
    assert_eq!(film("two_frames"), Err(DecodeError::SeveralFrames));
}

#[test]
fn the_limit_applies_to_every_transfer_syntax() {
    let limits = Limits {
        max_pixels: 64 * 48 - 1,
    };
    for name in [
        "explicit_le",
        "deflated",
        "jpeg_baseline",
        "rle_12",
        "jpeg2000_lossless_16",
        "htj2k_lossless_8",
    ] {
        let refusal = DecodeError::TooManyPixels {
            width: 64,
            height: 48,
            max_pixels: 3071,
        };
        assert_eq!(
            crate::decode(&fixture!(name), &limits),
            Err(refusal),
            "{name}"
        );
    }
}

#[test]
fn a_file_that_is_cut_short_is_refused_wherever_it_is_cut() {
    for name in [
        "explicit_le_8",
        "explicit_be_8",
        "deflated",
        "rle_8",
        "jpeg_lossless_sv1_8",
        "voi_lut_8",
    ] {
        let file = fixture!(name);
        for length in (132..file.len() - 1).step_by(3) {
            let refusal = crate::decode(&file[..length], &Limits::default());
            assert!(
                matches!(refusal, Err(DecodeError::Undecodable(_))),
                "{name} cut at {length}: {refusal:?}"
            );
        }
    }
}

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

fn reference(name: &str, film: Size) -> Result<Mask, ReferenceError> {
    decode_reference(&fixture!(name), film, &Limits::default())
}

/// Returns a mask of boxes, each with its columns and rows.
fn boxes(size: Size, boxes: &[[std::ops::Range<usize>; 2]]) -> Mask {
    let mut mask = Mask::empty(size);
    for [columns, rows] in boxes {
        rows.clone().for_each(|row| mask.fill(row, columns.clone()));
    }
    mask
}

#[test]
fn the_lungs_of_a_segmentation_are_a_reference_mask() {
    let (right, left) = ([8..24, 10..38], [40..56, 12..40]);
    let film = size(64, 48);
    for name in [
        "segmentation",
        "segmentation_heart",
        "segmentation_old_codes",
        "segmentation_codes_in_one",
    ] {
        assert_eq!(
            reference(name, film).unwrap(),
            boxes(film, &[right.clone(), left.clone()]),
            "{name}"
        );
    }
    assert_eq!(
        reference("segmentation_one_lung", film).unwrap(),
        boxes(film, std::slice::from_ref(&right))
    );
    assert_eq!(
        reference("segmentation_odd", size(63, 47)).unwrap(),
        boxes(size(63, 47), &[right.clone(), left.clone()])
    );
    let half = reference("segmentation_fractional", film).unwrap();
    assert_eq!(half.area_px(), (16 * 28 / 2) * 2);
    assert_eq!(
        half.shared_px(&boxes(film, &[right, left])),
        Some(half.area_px())
    );
}

#[test]
fn a_grey_dicom_image_is_a_reference_mask() {
    let mask = reference("explicit_le_8", size(64, 48)).unwrap();
    let expected = picture(64, 48).into_iter().map(|value| value >= 128);
    assert_eq!(Some(mask), Mask::new(Size::new(64, 48).unwrap(), expected));
    let mismatch = reference("segmentation", size(48, 64));
    assert!(matches!(mismatch, Err(ReferenceError::SizeMismatch { .. })));
}
