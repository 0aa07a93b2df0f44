//! Varies training films at random, so that the network sees more shapes and greys than the data sets have.
//!
//! Changes of shape (shift, scale, rotation, aspect, bending, mirroring) move film and target alike. Changes of grey
//! (gamma, contrast, brightness, inversion, noise, blur, opacities) apply to the film only. An edge, as a collimator
//! makes it, hides lung in both. All random numbers come from the generator that the caller passes.

mod grey;
mod shape;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::grey::{blur, cover_edge, opacify, shade};
use self::shape::{Plane, Shape, warp};
use super::number::{InvalidNumber, require, share};
use crate::dataset::TrainingSample;

/// The grey outside of a film on the model grid.
const OUTSIDE: f32 = -1.0;

/// The largest bend that never folds a film over: the points of a bend lie a quarter of a side apart.
const BEND_LIMIT: f64 = 0.1;

/// The ranges from which variations are drawn uniformly.
///
/// A range lies around no change; those of noise and blur begin at no change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AugmentOptions {
    /// The largest shift along either axis, as a share of the side.
    pub shift: f64,
    /// The largest change of size, as a logarithm: 0.2 is from ÷1.22 to ×1.22.
    pub scale: f64,
    /// The largest change of the aspect ratio, as a logarithm.
    pub aspect: f64,
    /// The largest rotation, in degrees.
    pub rotation_degrees: f64,
    /// The largest shift of a part of the film on its own, as a share of the side.
    pub bend: f64,
    /// The probability that a film is mirrored left to right.
    pub flip_probability: f64,
    /// The largest change of gamma, as a logarithm.
    pub gamma: f64,
    /// The largest change of contrast, as a logarithm.
    pub contrast: f64,
    /// The largest change of brightness, as a share of the range from black to white.
    pub brightness: f64,
    /// The largest standard deviation of the noise, as a share of the range from black to white.
    pub noise: f64,
    /// The largest standard deviation of a blur, as a share of the side.
    pub blur: f64,
    /// The probability that a film gets soft bright patches, as disease makes them. The target stays, since diseased lung
    /// is lung.
    pub opacity_probability: f64,
    /// The probability that the greys of a film are inverted.
    pub invert_probability: f64,
    /// The probability that a film gets a black or white edge on one side.
    pub edge_probability: f64,
}

impl AugmentOptions {
    /// No variation.
    pub const NONE: Self = Self {
        shift: 0.0,
        scale: 0.0,
        aspect: 0.0,
        rotation_degrees: 0.0,
        bend: 0.0,
        flip_probability: 0.0,
        gamma: 0.0,
        contrast: 0.0,
        brightness: 0.0,
        noise: 0.0,
        blur: 0.0,
        opacity_probability: 0.0,
        invert_probability: 0.0,
        edge_probability: 0.0,
    };

    /// Checks every number.
    pub fn check(&self) -> Result<(), InvalidNumber> {
        range("shift", self.shift)?;
        range("scale", self.scale)?;
        range("aspect", self.aspect)?;
        require(
            (0.0..=180.0).contains(&self.rotation_degrees),
            "rotation_degrees",
            "is not from 0 to 180",
        )?;
        require(
            (0.0..=BEND_LIMIT).contains(&self.bend),
            "bend",
            "is not from 0 to 0.1",
        )?;
        share("flip_probability", self.flip_probability)?;
        range("gamma", self.gamma)?;
        range("contrast", self.contrast)?;
        range("brightness", self.brightness)?;
        range("noise", self.noise)?;
        require(
            (0.0..=0.1).contains(&self.blur),
            "blur",
            "is not from 0 to 0.1",
        )?;
        share("opacity_probability", self.opacity_probability)?;
        share("invert_probability", self.invert_probability)?;
        share("edge_probability", self.edge_probability)
    }
}

/// Checks the width of a range. The upper bound only keeps numbers finite.
fn range(field: &'static str, width: f64) -> Result<(), InvalidNumber> {
    let valid = (0.0..=180.0).contains(&width);
    require(valid, field, "is not a number from 0 on")
}

impl Default for AugmentOptions {
    fn default() -> Self {
        Self {
            shift: 0.1,
            scale: 0.3,
            aspect: 0.25,
            rotation_degrees: 15.0,
            bend: 0.03,
            flip_probability: 0.5,
            gamma: 0.5,
            contrast: 0.3,
            brightness: 0.12,
            noise: 0.05,
            blur: 0.005,
            opacity_probability: 0.3,
            invert_probability: 0.0,
            edge_probability: 0.2,
        }
    }
}

/// A varied film and its target, row by row.
#[derive(Clone, Debug)]
pub struct AugmentedSample {
    /// The greys of the film, from −1 to 1.
    pub plane: Vec<f32>,
    /// The shares of lung, from 0 to 1.
    pub target: Vec<f32>,
}

/// Draws a variation of `sample` on a grid of `side × side` pixels, which may be coarser than the grid of the sample.
///
/// ```
/// use lungfield_radiograph::geometry::ModelInput;
/// use lungfield_radiograph::mask::ProbabilityMap;
/// use lungfield_training::dataset::TrainingSample;
/// use lungfield_training::train::augment::{AugmentOptions, augment};
/// use rand::SeedableRng;
/// use rand_chacha::ChaCha8Rng;
///
/// let sample = TrainingSample {
///     input: ModelInput::new(64, vec![0.5; 64 * 64]).expect("64 × 64 greys"),
///     target: ProbabilityMap::new(64, vec![1.0; 64 * 64]).expect("64 × 64 shares"),
///     source: "example".into(),
/// };
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let varied = augment(&sample, 32, &AugmentOptions::default(), &mut rng);
/// assert_eq!((varied.plane.len(), varied.target.len()), (32 * 32, 32 * 32));
/// ```
#[must_use]
pub fn augment(
    sample: &TrainingSample,
    side: usize,
    options: &AugmentOptions,
    rng: &mut ChaCha8Rng,
) -> AugmentedSample {
    let from = sample.input.side() as usize;
    let shape = Shape::draw(from, side, options, rng);
    let planes = [
        Plane {
            values: sample.input.pixels(),
            outside: OUTSIDE,
        },
        Plane {
            values: sample.target.values(),
            outside: 0.0,
        },
    ];
    let [mut plane, mut target] = warp(planes, from, &shape);
    if happens(options.opacity_probability, rng) {
        opacify(&mut plane, &target, side, rng);
    }
    if options.blur > 0.0 {
        blur(
            &mut plane,
            side,
            rng.random::<f32>() * single(options.blur) * side as f32,
        );
    }
    shade(&mut plane, options, rng);
    if happens(options.edge_probability, rng) {
        cover_edge(&mut plane, &mut target, side, rng);
    }
    AugmentedSample { plane, target }
}

/// Draws a number between −`width` and `width`.
fn around(width: f64, rng: &mut ChaCha8Rng) -> f32 {
    (rng.random::<f32>() * 2.0 - 1.0) * single(width)
}

/// Draws whether an event of the given probability happens.
fn happens(probability: f64, rng: &mut ChaCha8Rng) -> bool {
    rng.random::<f64>() < probability
}

/// Converts an option to 32 bits. Options have 64 bits so that a manifest shows them as they were written.
#[expect(clippy::cast_possible_truncation, reason = "an option has few digits")]
fn single(option: f64) -> f32 {
    option as f32
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use lungfield_radiograph::geometry::ModelInput;
    use lungfield_radiograph::mask::ProbabilityMap;

    const NONE: AugmentOptions = AugmentOptions::NONE;

    /// A bright square, which is lung, on black.
    fn sample() -> TrainingSample {
        let inside = |i: usize| (20..44).contains(&(i % 64)) && (20..44).contains(&(i / 64));
        let greys = (0..64 * 64)
            .map(|i| if inside(i) { 0.5 } else { -1.0 })
            .collect();
        let lung = (0..64 * 64)
            .map(|i| if inside(i) { 1.0 } else { 0.0 })
            .collect();
        TrainingSample {
            input: ModelInput::new(64, greys).unwrap(),
            target: ProbabilityMap::new(64, lung).unwrap(),
            source: "phantom".into(),
        }
    }

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    #[test]
    fn no_variation_changes_nothing() {
        let varied = augment(&sample(), 64, &NONE, &mut rng(1));
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(&varied.plane, sample().input.pixels()));
        assert!(near(&varied.target, sample().target.values()));
    }

    #[test]
    fn film_and_target_move_together() {
        let shapes = AugmentOptions {
            shift: 0.1,
            scale: 0.2,
            aspect: 0.1,
            rotation_degrees: 15.0,
            bend: 0.05,
            ..NONE
        };
        for seed in 0..20 {
            let varied = augment(&sample(), 64, &shapes, &mut rng(seed));
            for (grey, lung) in varied.plane.iter().zip(&varied.target) {
                assert!(
                    (grey - (lung * 1.5 - 1.0)).abs() < 1e-3,
                    "{grey} where the target is {lung}"
                );
            }
        }
    }

    #[test]
    fn a_mirrored_film_is_its_mirror_image_and_an_inverted_one_its_negative() {
        let side = 64;
        let ramp: Vec<f32> = (0..side * side)
            .map(|i| (i % side) as f32 / 64.0 - 0.5)
            .collect();
        let lung = ramp
            .iter()
            .map(|grey| f32::from(u8::from(*grey > 0.2)))
            .collect();
        let sample = TrainingSample {
            input: ModelInput::new(64, ramp.clone()).unwrap(),
            target: ProbabilityMap::new(64, lung).unwrap(),
            ..sample()
        };
        let mirrored = augment(
            &sample,
            64,
            &AugmentOptions {
                flip_probability: 1.0,
                ..NONE
            },
            &mut rng(1),
        );
        let inverted = augment(
            &sample,
            64,
            &AugmentOptions {
                invert_probability: 1.0,
                ..NONE
            },
            &mut rng(1),
        );
        for i in 0..side * side {
            let opposite = i / side * side + side - 1 - i % side;
            assert!((mirrored.plane[i] - ramp[opposite]).abs() < 1e-4);
            assert!((mirrored.target[i] - sample.target.values()[opposite]).abs() < 1e-4);
            assert!((inverted.plane[i] + ramp[i]).abs() < 1e-4);
        }
        assert_eq!(inverted.target, sample.target.values());
    }

    #[test]
    fn scale_changes_the_area_both_ways() {
        let area = |seed| {
            let scale = AugmentOptions { scale: 0.3, ..NONE };
            augment(&sample(), 64, &scale, &mut rng(seed))
                .target
                .iter()
                .sum::<f32>()
        };
        let areas: Vec<_> = (0..30).map(area).collect();
        assert!(areas.iter().any(|&a| a > 24.0 * 24.0 * 1.2));
        assert!(areas.iter().any(|&a| a < 24.0 * 24.0 / 1.2));
    }

    #[test]
    fn greys_stay_in_range_and_the_same_seed_varies_alike() {
        for seed in 0..10 {
            let options = AugmentOptions {
                edge_probability: 1.0,
                ..AugmentOptions::default()
            };
            let varied = augment(&sample(), 64, &options, &mut rng(seed));
            assert!(varied.plane.iter().all(|grey| (-1.0..=1.0).contains(grey)));
            assert!(varied.target.iter().all(|lung| (0.0..=1.0).contains(lung)));
            assert_eq!(
                varied.plane,
                augment(&sample(), 64, &options, &mut rng(seed)).plane
            );
        }
    }
}
