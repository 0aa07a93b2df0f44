//! Tests of the preprocessing.

use super::{PADDING, Prepared, PreprocessOptions, Preprocessor};
use crate::geometry::Size;
use crate::phantom::{Depth, Phantom, PhantomOptions};
use crate::radiograph::{Pixels, Radiograph};
use crate::warnings::Warning;

fn preprocessor() -> Preprocessor {
    Preprocessor::new(PreprocessOptions {
        side: 64,
        ..PreprocessOptions::default()
    })
    .unwrap()
}

/// Returns the grey values of a film that becomes brighter from left to right, inside of a border
/// of `frame` pixels.
fn ramp(size: Size, frame: u32, border: u8) -> Vec<u8> {
    let inside = |i: u32, length: u32| (frame..length - frame).contains(&i);
    (0..size.height())
        .flat_map(|y| (0..size.width()).map(move |x| (x, y)))
        .map(|(x, y)| {
            let grey = u8::try_from(60 + 100 * x / size.width()).unwrap();
            if inside(x, size.width()) && inside(y, size.height()) {
                grey
            } else {
                border
            }
        })
        .collect()
}

fn film(size: Size, greys: Vec<u8>) -> Radiograph {
    Radiograph::new(size, Pixels::Eight(greys), None).unwrap()
}

fn spread(prepared: &Prepared) -> f32 {
    let side = prepared.input.side() as usize;
    let row = &prepared.input.pixels()[side * side / 2..][..side];
    row[side * 7 / 10] - row[side * 3 / 10]
}

#[test]
fn greys_spread_from_minus_one_to_one() {
    let size = Size::square(128).unwrap();
    let prepared = preprocessor().prepare(&film(size, ramp(size, 0, 0)));
    let row = &prepared.input.pixels()[64 * 32..64 * 33];
    assert!(row[0] < -0.95 && row[63] > 0.95, "{} {}", row[0], row[63]);
    assert!(row.is_sorted());
    assert_eq!(prepared.warnings, []);
}

#[test]
fn a_black_or_white_border_does_not_reduce_the_contrast() {
    let size = Size::square(256).unwrap();
    let plain = spread(&preprocessor().prepare(&film(size, ramp(size, 0, 0))));
    for border in [0, 255] {
        let framed = spread(&preprocessor().prepare(&film(size, ramp(size, 20, border))));
        assert!(framed > 0.9 * plain, "{border}: {framed} of {plain}");
    }
}

#[test]
fn a_film_in_8_12_and_16_bits_gives_the_same_input() {
    let size = Size::new(200, 150).unwrap();
    let greys = ramp(size, 0, 0);
    let expected = preprocessor().prepare(&film(size, greys.clone()));
    for factor in [16, 257] {
        let deep = greys.iter().map(|&grey| u16::from(grey) * factor).collect();
        let deep = Radiograph::new(size, Pixels::Sixteen(deep), None).unwrap();
        let found = preprocessor().prepare(&deep);
        assert_eq!(found.geometry, expected.geometry);
        for (a, b) in found.input.pixels().iter().zip(expected.input.pixels()) {
            // One 8-bit grey of this film is 0.02, and a ramp has no sharp border.
            assert!((a - b).abs() < 0.08, "{a} {b}");
        }
    }
}

#[test]
fn padding_is_black() {
    let size = Size::new(64, 128).unwrap();
    let prepared = preprocessor().prepare(&film(size, vec![200; size.pixels()]));
    assert_eq!(prepared.input.pixels()[0].to_bits(), PADDING.to_bits());
}

#[test]
fn a_blank_film_is_flat_and_holds_no_nan() {
    let size = Size::square(40).unwrap();
    for grey in [0, 127, 255] {
        let prepared = preprocessor().prepare(&film(size, vec![grey; size.pixels()]));
        assert_eq!(prepared.warnings, [Warning::FlatFilm]);
        assert!(
            prepared
                .input
                .pixels()
                .iter()
                .all(|pixel| pixel.is_finite())
        );
    }
}

#[test]
fn a_phantom_looks_inverted_where_it_is() {
    for seed in 0..20 {
        let options = PhantomOptions {
            seed,
            size: Size::new(150, 170).unwrap(),
            depth: Depth::Eight,
        };
        let phantom = Phantom::draw(&options).film;
        let Pixels::Eight(greys) = phantom.pixels() else {
            panic!("the phantom has 8 bits")
        };
        let inverted = film(
            phantom.size(),
            greys.iter().map(|grey| 255 - grey).collect(),
        );
        assert_eq!(preprocessor().prepare(&phantom).warnings, [], "{seed}");
        assert_eq!(
            preprocessor().prepare(&inverted).warnings,
            [Warning::InvertedFilm],
            "{seed}"
        );
    }
}

#[test]
fn films_too_narrow_to_have_a_middle_are_not_called_inverted() {
    for (width, height) in [(1, 1), (1, 300), (300, 1)] {
        let size = Size::new(width, height).unwrap();
        let greys = (0..size.pixels())
            .map(|index| if index == 0 { 200 } else { 0 })
            .collect();
        assert!(
            !preprocessor()
                .prepare(&film(size, greys))
                .warnings
                .contains(&Warning::InvertedFilm)
        );
    }
}

#[test]
fn unusable_options_are_refused() {
    let refused = |change: fn(&mut PreprocessOptions)| {
        let mut options = PreprocessOptions::default();
        change(&mut options);
        Preprocessor::new(options).is_err()
    };
    assert!(refused(|options| options.side = 0));
    assert!(refused(|options| options.lower_percentile = 99.5));
    assert!(refused(|options| options.upper_percentile = f64::NAN));
    assert!(refused(|options| options.border_tolerance = -0.1));
}
