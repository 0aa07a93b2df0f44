//! Decides what a model sees of a film: where on the model grid it lies, and which grey is dark and which bright; and
//! what is doubtful about the film itself.
//!
//! Training, evaluation and serving all call [`Preprocessor::prepare`]; its parameters travel in the manifest.

use std::ops::Range;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U16};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use crate::geometry::{Geometry, ModelInput, Size};
use crate::lungs::Warning;
use crate::radiograph::{Pixels, Radiograph};

/// What the padding around a letterboxed film holds: black, as the surroundings of a patient are.
const PADDING: f32 = -1.0;
/// A line of pixels belongs to a border where at least this share of it is as dark or as bright as the film gets.
const BORDER_SHARE: f64 = 0.9;
/// At most this share of a side is taken for a border at either end.
const BORDER_LIMIT: f64 = 0.25;
/// By how much the middle of a film is darker than its sides where its greys are taken for inverted. Black to white is
/// 2. On the 562 training and validation films of the Montgomery and Shenzhen sets the middle is brighter, by 0.25 at
/// least; on inverted copies of 193 of them it is darker, by 0.30 at least. Noise lies around 0.
const INVERTED_BY: f64 = 0.15;

/// The parameters of the preprocessing, as the manifest holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessOptions {
    /// The side of the square model grid, in pixels.
    pub side: u32,
    /// The percentile of the film's grey values that becomes black.
    pub lower_percentile: f64,
    /// The percentile of the film's grey values that becomes white.
    pub upper_percentile: f64,
    /// How close to the darkest or brightest grey, as a share of the film's range, the grey of a border lies.
    pub border_tolerance: f64,
}

impl Default for PreprocessOptions {
    fn default() -> Self {
        Self {
            side: 256,
            lower_percentile: 1.0,
            upper_percentile: 99.0,
            border_tolerance: 0.02,
        }
    }
}

/// Parameters with which no film can be prepared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the preprocessing is unusable: {0}")]
pub struct InvalidOptions(&'static str);

/// What preparing a film yields.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The plane for the model: film greys from −1 (dark) to 1 (bright).
    pub input: ModelInput,
    /// How to get back to the film's own grid.
    pub geometry: Geometry,
    /// What is doubtful about the film itself, before a model has seen it: that it is blank, so that a mask of it means
    /// nothing, that its greys look inverted, or what its file says of it.
    pub warnings: Vec<Warning>,
}

/// Prepares films for one model.
#[derive(Clone, Debug)]
pub struct Preprocessor {
    options: PreprocessOptions,
}

impl Preprocessor {
    /// A preprocessor with valid `options`: a side above 0, percentiles in order, a tolerance from 0 to below a half.
    pub fn new(options: PreprocessOptions) -> Result<Self, InvalidOptions> {
        let percentiles = options.lower_percentile..options.upper_percentile;
        if options.side == 0 {
            return Err(InvalidOptions("the side is 0"));
        }
        if percentiles.is_empty() || percentiles.start < 0.0 || percentiles.end > 100.0 {
            return Err(InvalidOptions(
                "the percentiles are not in order between 0 and 100",
            ));
        }
        if !(0.0..0.5).contains(&options.border_tolerance) {
            return Err(InvalidOptions(
                "the border tolerance is not between 0 and a half",
            ));
        }
        Ok(Self { options })
    }

    /// Scales a film into the model grid, its aspect kept, and spreads its greys between the two percentiles.
    ///
    /// The percentiles are taken inside of black or white borders, so that a frame around the film costs no contrast.
    #[must_use]
    pub fn prepare(&self, film: &Radiograph) -> Prepared {
        let geometry = Geometry::letterbox(film.size(), self.options.side);
        let plane = resample(film, geometry.placed());
        let (dark, bright) = self.window(&plane, geometry.placed());
        let flat = bright <= dark;
        let scale = if flat { 0.0 } else { 2.0 / (bright - dark) };
        let normalised: Vec<f32> = plane
            .iter()
            .map(|&grey| ((grey - dark) * scale - 1.0).clamp(-1.0, 1.0))
            .collect();
        let inverted = looks_inverted(&normalised, geometry.placed());
        let acquisition = film.acquisition();
        let doubts = [
            (flat, Warning::FlatFilm),
            (inverted && !flat, Warning::InvertedFilm),
            (acquisition.lateral, Warning::LateralView),
            (acquisition.for_processing, Warning::ForProcessing),
            (acquisition.unexpected_modality, Warning::UnexpectedModality),
        ];
        let warnings = doubts
            .into_iter()
            .filter_map(|(applies, warning)| applies.then_some(warning))
            .collect();
        Prepared {
            input: place(&normalised, &geometry, PADDING),
            geometry,
            warnings,
        }
    }

    /// The greys that become −1 and 1.
    fn window(&self, plane: &[f32], size: Size) -> (f32, f32) {
        let (columns, rows) = content(plane, size, self.options.border_tolerance);
        let mut greys: Vec<f32> = rows
            .flat_map(|y| &plane[y * size.columns()..][columns.clone()])
            .copied()
            .collect();
        let mut at = |percentile: f64| {
            let index = ((greys.len() - 1) as f64 * percentile / 100.0).round();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 ≤ index < greys.len()"
            )]
            *greys
                .select_nth_unstable_by(index as usize, f32::total_cmp)
                .1
        };
        (
            at(self.options.lower_percentile),
            at(self.options.upper_percentile),
        )
    }
}

/// Whether a film's greys are probably the wrong way round, air bright and bone dark.
///
/// In a frontal film the spine, the heart and the vessels stand in the middle, brighter than the lungs and the air
/// beside the patient on both sides. The lowest quarter is left out: the abdomen is bright all over.
fn looks_inverted(plane: &[f32], size: Size) -> bool {
    let share = |length: usize, twentieths: Range<usize>| {
        length * twentieths.start / 20..length * twentieths.end / 20
    };
    let mean = |rows: Range<usize>, columns: Range<usize>| {
        let (rows, columns) = (share(size.rows(), rows), share(size.columns(), columns));
        let pixels = rows.len() * columns.len();
        let row = |y: usize| &plane[y * size.columns()..][columns.clone()];
        let sum: f64 = rows.flat_map(row).map(|&grey| f64::from(grey)).sum();
        sum / pixels as f64
    };
    let middle = mean(5..15, 8..12);
    let sides = f64::midpoint(mean(0..15, 0..8), mean(0..15, 12..20));
    // A film so narrow that a part of it has no pixel gives NaN, which is not below anything.
    middle - sides < -INVERTED_BY
}

/// Lays a plane of the geometry's placed size into the square model grid.
#[must_use]
pub fn place(plane: &[f32], geometry: &Geometry, padding: f32) -> ModelInput {
    let side = geometry.model_side() as usize;
    let (left, top, width) = (
        geometry.left() as usize,
        geometry.top() as usize,
        geometry.placed().columns(),
    );
    let mut square = vec![padding; side * side];
    for (y, row) in plane.chunks_exact(width).enumerate() {
        square[(top + y) * side + left..][..width].copy_from_slice(row);
    }
    ModelInput::new(geometry.model_side(), square).expect("the square has side × side pixels")
}

/// The film's greys at another size. Every source pixel counts when the film shrinks (a triangle filter as wide as
/// the step), so nothing aliases.
fn resample(film: &Radiograph, size: Size) -> Vec<f32> {
    match film.pixels() {
        Pixels::Eight(greys) => {
            let plane = resize::<U8>(greys, film.size(), size);
            plane
                .pixels()
                .iter()
                .map(|grey| f32::from(grey.0))
                .collect()
        }
        Pixels::Sixteen(greys) => {
            let plane = resize::<U16>(bytemuck::cast_slice(greys), film.size(), size);
            plane
                .pixels()
                .iter()
                .map(|grey| f32::from(grey.0))
                .collect()
        }
    }
}

/// Typed, so that the resizer is compiled for the two depths that films have and not for all twenty that it knows.
#[must_use]
pub fn resize<P: PixelTrait>(greys: &[u8], from: Size, to: Size) -> TypedImage<'static, P> {
    let source = TypedImageRef::<P>::from_buffer(from.width(), from.height(), greys)
        .expect("a radiograph has as many greys as its size says, aligned as its type asks");
    let mut target = TypedImage::new(to.width(), to.height());
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .expect("both images have pixels of one type");
    target
}

/// The columns and rows of a plane that lie inside of its black or white borders.
fn content(plane: &[f32], size: Size, tolerance: f64) -> (Range<usize>, Range<usize>) {
    let (darkest, brightest) = plane
        .iter()
        .fold((f32::MAX, f32::MIN), |(low, high), &grey| {
            (low.min(grey), high.max(grey))
        });
    let margin = f64::from(brightest - darkest) * tolerance;
    let extreme =
        |grey: f32| f64::from(grey - darkest) <= margin || f64::from(brightest - grey) <= margin;
    let bordered = |greys: &mut dyn ExactSizeIterator<Item = f32>| {
        let length = greys.len() as f64;
        greys.filter(|&grey| extreme(grey)).count() as f64 >= BORDER_SHARE * length
    };
    let width = size.columns();
    let columns = inner(width, |x| {
        bordered(&mut plane[x..].iter().copied().step_by(width))
    });
    let rows = inner(size.rows(), |y| {
        bordered(&mut plane[y * width..][..width].iter().copied())
    });
    (columns, rows)
}

/// What is left of `length` lines when those that are borders are taken from both ends, up to the limit.
fn inner(length: usize, is_border: impl Fn(usize) -> bool) -> Range<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is below it"
    )]
    let limit = (length as f64 * BORDER_LIMIT) as usize;
    let start = (0..limit).take_while(|&line| is_border(line)).count();
    let end = (0..limit)
        .take_while(|&line| is_border(length - 1 - line))
        .count();
    // Resampling has mixed a border with its neighbour in one more line.
    let with_mixed = |lines: usize| if lines == 0 { 0 } else { lines + 1 };
    with_mixed(start)..length - with_mixed(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{Depth, Phantom, PhantomOptions};

    fn preprocessor() -> Preprocessor {
        Preprocessor::new(PreprocessOptions {
            side: 64,
            ..PreprocessOptions::default()
        })
        .unwrap()
    }

    /// A film whose grey rises from left to right, inside of a border of `frame` pixels.
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
    fn a_black_or_white_border_costs_no_contrast() {
        let size = Size::square(256).unwrap();
        let plain = spread(&preprocessor().prepare(&film(size, ramp(size, 0, 0))));
        for border in [0, 255] {
            let framed = spread(&preprocessor().prepare(&film(size, ramp(size, 20, border))));
            assert!(framed > 0.9 * plain, "{border}: {framed} of {plain}");
        }
    }

    #[test]
    fn the_same_film_in_8_12_and_16_bits_looks_the_same() {
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
    fn a_film_whose_middle_is_darker_than_its_sides_may_be_inverted() {
        let size = Size::new(100, 80).unwrap();
        let striped = |middle: f32, sides: f32| {
            let grey = |index: usize| {
                if (40..60).contains(&(index % 100)) {
                    middle
                } else {
                    sides
                }
            };
            looks_inverted(&(0..size.pixels()).map(grey).collect::<Vec<_>>(), size)
        };
        assert!(!striped(0.4, -0.4) && !striped(0.0, 0.0) && !striped(-0.1, 0.0));
        assert!(striped(-0.2, 0.0) && striped(-0.4, 0.4));
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
}
