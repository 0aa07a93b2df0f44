//! Decides how a training film is varied, so that the network meets more chests and more machines than there are.
//!
//! Shape changes (shift, scale, rotation, aspect, bending, mirroring) move film and target alike; grey changes (gamma,
//! contrast, brightness, inversion, noise, blur, opacities, a collimator's edge) touch the film. Everything is drawn from
//! the generator passed in.

mod grey;
mod shape;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::grey::{blur, cover_edge, opacify, shade};
use self::shape::{Shape, warp};
use super::sample::Sample;

/// What lies outside of a film on the model grid.
const OUTSIDE: f32 = -1.0;

/// Up to here a bend never folds a film over: its points lie a quarter of a side apart.
const BEND_LIMIT: f64 = 0.1;

/// The widths of the ranges that variations are drawn from, uniformly: around none, and from none on for noise and blur.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AugmentOptions {
    /// Largest shift along either axis, as a share of the side.
    pub shift: f64,
    /// Largest change of size, as a logarithm: 0.2 is from ÷1.22 to ×1.22.
    pub scale: f64,
    /// Largest change of aspect, as a logarithm.
    pub aspect: f64,
    /// Largest rotation, in degrees.
    pub rotation_degrees: f64,
    /// Largest shift, as a share of the side, of a part of the film on its own.
    pub bend: f64,
    /// How often a film is mirrored left to right, from 0 to 1.
    pub flip_probability: f64,
    /// Largest change of gamma, as a logarithm.
    pub gamma: f64,
    /// Largest change of contrast, as a logarithm.
    pub contrast: f64,
    /// Largest change of brightness, as a share of the range from black to white.
    pub brightness: f64,
    /// Largest standard deviation of the noise, as a share of the range from black to white.
    pub noise: f64,
    /// Largest standard deviation of a blur, as a share of the side.
    pub blur: f64,
    /// How often a film gets soft bright patches, as disease makes them; the target stays, since ill lung is lung.
    pub opacity_probability: f64,
    /// How often a film's greys are inverted, from 0 to 1.
    pub invert_probability: f64,
    /// How often a film gets a black or white edge on one side, from 0 to 1.
    pub edge_probability: f64,
}

impl AugmentOptions {
    /// No variation at all.
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

    /// What can't be drawn from, by the name of the flag.
    pub fn check(&self) -> Result<(), &'static str> {
        let width = |value: f64| value.is_finite() && (0.0..=180.0).contains(&value);
        let probability = |value: f64| (0.0..=1.0).contains(&value);
        let rules = [
            (width(self.shift), "--shift is not a number from 0 on"),
            (width(self.scale), "--scale is not a number from 0 on"),
            (width(self.aspect), "--aspect is not a number from 0 on"),
            (
                width(self.rotation_degrees),
                "--rotation-degrees is not from 0 to 180",
            ),
            (
                width(self.bend) && self.bend <= BEND_LIMIT,
                "--bend is not from 0 to 0.1",
            ),
            (
                probability(self.flip_probability),
                "--flip-probability is not from 0 to 1",
            ),
            (width(self.gamma), "--gamma is not a number from 0 on"),
            (width(self.contrast), "--contrast is not a number from 0 on"),
            (
                width(self.brightness),
                "--brightness is not a number from 0 on",
            ),
            (width(self.noise), "--noise is not a number from 0 on"),
            (
                width(self.blur) && self.blur <= 0.1,
                "--blur is not from 0 to 0.1",
            ),
            (
                probability(self.opacity_probability),
                "--opacity-probability is not from 0 to 1",
            ),
            (
                probability(self.invert_probability),
                "--invert-probability is not from 0 to 1",
            ),
            (
                probability(self.edge_probability),
                "--edge-probability is not from 0 to 1",
            ),
        ];
        rules
            .into_iter()
            .find(|(kept, _)| !kept)
            .map_or(Ok(()), |(_, broken)| Err(broken))
    }
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

/// A film and its target as one training step sees them, row by row.
#[derive(Clone, Debug)]
pub struct Varied {
    /// Greys from −1 to 1.
    pub plane: Vec<f32>,
    /// Shares of lung from 0 to 1.
    pub target: Vec<f32>,
}

/// A variation of `sample` on a grid of `side × side` pixels, which may be coarser than the sample's own.
#[must_use]
pub fn vary(
    sample: &Sample,
    side: usize,
    options: &AugmentOptions,
    rng: &mut ChaCha8Rng,
) -> Varied {
    let from = sample.input.side() as usize;
    let shape = Shape::draw(from, side, options, rng);
    let planes = [
        (sample.input.pixels(), OUTSIDE),
        (sample.target.values(), 0.0),
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
    Varied { plane, target }
}

/// A number between −`width` and `width`.
fn around(width: f64, rng: &mut ChaCha8Rng) -> f32 {
    (rng.random::<f32>() * 2.0 - 1.0) * single(width)
}

fn happens(probability: f64, rng: &mut ChaCha8Rng) -> bool {
    rng.random::<f64>() < probability
}

/// Options are 64-bit so that a manifest shows them as they were written; planes are 32-bit.
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
    fn sample() -> Sample {
        let inside = |i: usize| (20..44).contains(&(i % 64)) && (20..44).contains(&(i / 64));
        let greys = (0..64 * 64)
            .map(|i| if inside(i) { 0.5 } else { -1.0 })
            .collect();
        let lung = (0..64 * 64)
            .map(|i| if inside(i) { 1.0 } else { 0.0 })
            .collect();
        Sample {
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
        let varied = vary(&sample(), 64, &NONE, &mut rng(1));
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
            let varied = vary(&sample(), 64, &shapes, &mut rng(seed));
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
        let sample = Sample {
            input: ModelInput::new(64, ramp.clone()).unwrap(),
            target: ProbabilityMap::new(64, lung).unwrap(),
            ..sample()
        };
        let mirrored = vary(
            &sample,
            64,
            &AugmentOptions {
                flip_probability: 1.0,
                ..NONE
            },
            &mut rng(1),
        );
        let inverted = vary(
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
            vary(&sample(), 64, &scale, &mut rng(seed))
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
            let varied = vary(&sample(), 64, &options, &mut rng(seed));
            assert!(varied.plane.iter().all(|grey| (-1.0..=1.0).contains(grey)));
            assert!(varied.target.iter().all(|lung| (0.0..=1.0).contains(lung)));
            assert_eq!(
                varied.plane,
                vary(&sample(), 64, &options, &mut rng(seed)).plane
            );
        }
    }
}
