//! Decides how a training film is varied, so that the network meets more chests and more machines than there are.
//!
//! Shape changes (shift, scale, rotation, aspect, mirroring) move film and target alike; grey changes (gamma, contrast,
//! brightness, inversion, noise, a collimator's edge) touch the film. Everything is drawn from the generator passed in.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::sample::Sample;

/// What lies outside of a film on the model grid.
const OUTSIDE: f32 = -1.0;

/// The widths of the ranges that variations are drawn from, uniformly and around none.
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
        flip_probability: 0.0,
        gamma: 0.0,
        contrast: 0.0,
        brightness: 0.0,
        noise: 0.0,
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
            (width(self.rotation_degrees), "--rotation-degrees is not from 0 to 180"),
            (probability(self.flip_probability), "--flip-probability is not from 0 to 1"),
            (width(self.gamma), "--gamma is not a number from 0 on"),
            (width(self.contrast), "--contrast is not a number from 0 on"),
            (width(self.brightness), "--brightness is not a number from 0 on"),
            (width(self.noise), "--noise is not a number from 0 on"),
            (probability(self.invert_probability), "--invert-probability is not from 0 to 1"),
            (probability(self.edge_probability), "--edge-probability is not from 0 to 1"),
        ];
        rules.into_iter().find(|(kept, _)| !kept).map_or(Ok(()), |(_, broken)| Err(broken))
    }
}

impl Default for AugmentOptions {
    fn default() -> Self {
        Self {
            shift: 0.08,
            scale: 0.22,
            aspect: 0.1,
            rotation_degrees: 10.0,
            flip_probability: 0.5,
            gamma: 0.5,
            contrast: 0.3,
            brightness: 0.12,
            noise: 0.05,
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

/// A variation of `sample`.
#[must_use]
pub fn vary(sample: &Sample, options: &AugmentOptions, rng: &mut ChaCha8Rng) -> Varied {
    let side = sample.input.side() as usize;
    let map = Affine::draw(side, options, rng);
    let mut plane = warp(sample.input.pixels(), side, OUTSIDE, &map);
    let mut target = warp(sample.target.values(), side, 0.0, &map);
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

/// From a pixel of the varied plane to the place in the sample that it shows.
#[derive(Debug)]
struct Affine {
    x: [f32; 3],
    y: [f32; 3],
}

impl Affine {
    fn draw(side: usize, options: &AugmentOptions, rng: &mut ChaCha8Rng) -> Self {
        let (sine, cosine) = around(options.rotation_degrees, rng).to_radians().sin_cos();
        let scale = around(options.scale, rng);
        let aspect = around(options.aspect, rng) / 2.0;
        let (wide, high) = ((-scale - aspect).exp(), (-scale + aspect).exp());
        let centre = (side as f32 - 1.0) / 2.0;
        let shift = |rng: &mut ChaCha8Rng| around(options.shift, rng) * side as f32;
        let (dx, dy) = (centre + shift(rng), centre + shift(rng));
        let row = |a: f32, b: f32| [a, b, centre - a * dx - b * dy];
        let wide = if happens(options.flip_probability, rng) { -wide } else { wide };
        Self { x: row(cosine * wide, -sine * wide), y: row(sine * high, cosine * high) }
    }

    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let of = |row: &[f32; 3]| row[0] * x + row[1] * y + row[2];
        (of(&self.x), of(&self.y))
    }
}

/// Moves a plane, bilinearly; `outside` is what lies around it.
fn warp(plane: &[f32], side: usize, outside: f32, map: &Affine) -> Vec<f32> {
    let at = |x: i64, y: i64| match (usize::try_from(x), usize::try_from(y)) {
        (Ok(x), Ok(y)) if x < side && y < side => plane[y * side + x],
        _ => outside,
    };
    (0..side * side)
        .map(|i| {
            let (x, y) = map.at((i % side) as f32, (i / side) as f32);
            let (left, top) = (x.floor(), y.floor());
            let (u, v) = (x - left, y - top);
            #[expect(clippy::cast_possible_truncation, reason = "a place is within a few sides of the plane")]
            let (left, top) = (left as i64, top as i64);
            let upper = at(left, top) * (1.0 - u) + at(left + 1, top) * u;
            let lower = at(left, top + 1) * (1.0 - u) + at(left + 1, top + 1) * u;
            upper * (1.0 - v) + lower * v
        })
        .collect()
}

/// Changes the greys of a plane.
fn shade(plane: &mut [f32], options: &AugmentOptions, rng: &mut ChaCha8Rng) {
    let gamma = around(options.gamma, rng).exp();
    let contrast = around(options.contrast, rng).exp();
    let brightness = around(options.brightness, rng) * 2.0;
    let noise = rng.random::<f32>() * single(options.noise) * 2.0;
    let sign = if happens(options.invert_probability, rng) { -1.0 } else { 1.0 };
    for grey in plane {
        let curved = f32::midpoint(*grey, 1.0).clamp(0.0, 1.0).powf(gamma) * 2.0 - 1.0;
        // The sum of four uniform numbers, less its mean, is close to normal; its variance is a third.
        let normal = (0..4).map(|_| rng.random::<f32>()).sum::<f32>() - 2.0;
        *grey = (sign * curved * contrast + brightness + normal * 3f32.sqrt() * noise).clamp(-1.0, 1.0);
    }
}

/// Covers up to an eighth of one side with black or white, where no lung is seen any more.
fn cover_edge(plane: &mut [f32], target: &mut [f32], side: usize, rng: &mut ChaCha8Rng) {
    let depth = rng.random_range(1..=side / 8);
    let grey = if rng.random::<bool>() { 1.0 } else { -1.0 };
    let edge = rng.random_range(0..4);
    for i in 0..side * side {
        let (x, y) = (i % side, i / side);
        let from_edge = [x, y, side - 1 - x, side - 1 - y][edge];
        if from_edge < depth {
            plane[i] = grey;
            target[i] = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::geometry::ModelInput;
    use crate::mask::ProbabilityMap;

    const NONE: AugmentOptions = AugmentOptions::NONE;

    /// A bright square, which is lung, on black.
    fn sample() -> Sample {
        let inside = |i: usize| (20..44).contains(&(i % 64)) && (20..44).contains(&(i / 64));
        let greys = (0..64 * 64).map(|i| if inside(i) { 0.5 } else { -1.0 }).collect();
        let lung = (0..64 * 64).map(|i| if inside(i) { 1.0 } else { 0.0 }).collect();
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
        let varied = vary(&sample(), &NONE, &mut rng(1));
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(&varied.plane, sample().input.pixels()));
        assert!(near(&varied.target, sample().target.values()));
    }

    #[test]
    fn film_and_target_move_together() {
        let shapes = AugmentOptions { shift: 0.1, scale: 0.2, aspect: 0.1, rotation_degrees: 15.0, ..NONE };
        for seed in 0..20 {
            let varied = vary(&sample(), &shapes, &mut rng(seed));
            for (grey, lung) in varied.plane.iter().zip(&varied.target) {
                assert!((grey - (lung * 1.5 - 1.0)).abs() < 1e-3, "{grey} where the target is {lung}");
            }
        }
    }

    #[test]
    fn a_mirrored_film_is_its_mirror_image_and_an_inverted_one_its_negative() {
        let side = 64;
        let ramp: Vec<f32> = (0..side * side).map(|i| (i % side) as f32 / 64.0 - 0.5).collect();
        let lung = ramp.iter().map(|grey| f32::from(u8::from(*grey > 0.2))).collect();
        let sample = Sample {
            input: ModelInput::new(64, ramp.clone()).unwrap(),
            target: ProbabilityMap::new(64, lung).unwrap(),
            ..sample()
        };
        let mirrored = vary(&sample, &AugmentOptions { flip_probability: 1.0, ..NONE }, &mut rng(1));
        let inverted = vary(&sample, &AugmentOptions { invert_probability: 1.0, ..NONE }, &mut rng(1));
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
            vary(&sample(), &scale, &mut rng(seed)).target.iter().sum::<f32>()
        };
        let areas: Vec<_> = (0..30).map(area).collect();
        assert!(areas.iter().any(|&a| a > 24.0 * 24.0 * 1.2));
        assert!(areas.iter().any(|&a| a < 24.0 * 24.0 / 1.2));
    }

    #[test]
    fn greys_stay_in_range_and_the_same_seed_varies_alike() {
        for seed in 0..10 {
            let options = AugmentOptions { edge_probability: 1.0, ..AugmentOptions::default() };
            let varied = vary(&sample(), &options, &mut rng(seed));
            assert!(varied.plane.iter().all(|grey| (-1.0..=1.0).contains(grey)));
            assert!(varied.target.iter().all(|lung| (0.0..=1.0).contains(lung)));
            assert_eq!(varied.plane, vary(&sample(), &options, &mut rng(seed)).plane);
        }
    }

    #[test]
    fn a_covered_edge_holds_no_lung() {
        let (mut plane, mut target) = (vec![0.0; 64 * 64], vec![1.0; 64 * 64]);
        cover_edge(&mut plane, &mut target, 64, &mut rng(3));
        let covered = plane.iter().filter(|grey| grey.abs() > 0.5).count();
        assert!((64..=64 * 8).contains(&covered));
        assert!(plane.iter().zip(&target).all(|(grey, lung)| (grey.abs() > 0.5) == (*lung < 0.5)));
    }
}
