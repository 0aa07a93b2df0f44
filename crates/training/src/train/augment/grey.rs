//! Varies the greys of a training film.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{AugmentOptions, around, happens, single};

/// The largest number of patches on a film.
const PATCHES: usize = 4;
/// The range of the half axes of a patch, as shares of the side.
const PATCH_RADII: std::ops::Range<f32> = 0.03..0.18;
/// The number of draws for the place of a patch, after which the last place is taken.
const TRIES: usize = 20;

/// Varies gamma, contrast, brightness and noise of a plane, and may invert it.
pub(super) fn shade(plane: &mut [f32], options: &AugmentOptions, rng: &mut ChaCha8Rng) {
    let gamma = around(options.gamma, rng).exp();
    let contrast = around(options.contrast, rng).exp();
    let brightness = around(options.brightness, rng) * 2.0;
    let noise = rng.random::<f32>() * single(options.noise) * 2.0;
    let sign = if happens(options.invert_probability, rng) {
        -1.0
    } else {
        1.0
    };
    for grey in plane {
        let curved = f32::midpoint(*grey, 1.0).clamp(0.0, 1.0).powf(gamma) * 2.0 - 1.0;
        // The sum of four uniform numbers, less its mean, is close to normal; its variance is a third.
        let normal = (0..4).map(|_| rng.random::<f32>()).sum::<f32>() - 2.0;
        *grey =
            (sign * curved * contrast + brightness + normal * 3f32.sqrt() * noise).clamp(-1.0, 1.0);
    }
}

/// Covers up to an eighth of the plane, at one side, with black or white. The target has no lung there.
pub(super) fn cover_edge(plane: &mut [f32], target: &mut [f32], side: usize, rng: &mut ChaCha8Rng) {
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

/// Draws a few soft bright ellipses on a plane. Half of them lie on lung, as consolidations and effusions do, and the
/// others beside it, so that a patch is no sign of lung.
pub(super) fn opacify(plane: &mut [f32], target: &[f32], side: usize, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..=PATCHES) {
        let on_lung = rng.random::<bool>();
        let mut place = rng.random_range(0..side * side);
        for _ in 0..TRIES {
            if on_lung == (target[place] > 0.5) {
                break;
            }
            place = rng.random_range(0..side * side);
        }
        Patch::draw(place, side, rng).apply(plane, side);
    }
}

/// A soft bright ellipse.
#[derive(Debug)]
struct Patch {
    centre: (f32, f32),
    /// The half axes in pixels, at which the patch has faded to a third.
    radii: (f32, f32),
    angle: f32,
    grey: f32,
    /// The opacity in the centre, from 0 to 1.
    strength: f32,
}

impl Patch {
    fn draw(place: usize, side: usize, rng: &mut ChaCha8Rng) -> Self {
        let mut radius = || rng.random_range(PATCH_RADII) * side as f32;
        let radii = (radius(), radius());
        Self {
            centre: ((place % side) as f32, (place / side) as f32),
            radii,
            angle: rng.random::<f32>() * std::f32::consts::PI,
            grey: rng.random_range(0.0..0.8),
            strength: rng.random_range(0.3..0.95),
        }
    }

    /// Draws the patch. Pixels that are brighter than the patch, such as bone, stay as they are.
    fn apply(&self, plane: &mut [f32], side: usize) {
        let (sine, cosine) = self.angle.sin_cos();
        for (i, grey) in plane
            .iter_mut()
            .enumerate()
            .filter(|(_, grey)| **grey < self.grey)
        {
            let (x, y) = (
                (i % side) as f32 - self.centre.0,
                (i / side) as f32 - self.centre.1,
            );
            let (u, v) = (
                (cosine * x + sine * y) / self.radii.0,
                (cosine * y - sine * x) / self.radii.1,
            );
            let distance = u * u + v * v;
            if distance < 9.0 {
                *grey += (self.grey - *grey) * self.strength * (-distance).exp();
            }
        }
    }
}

/// Blurs a plane with a Gaussian of the standard deviation `sigma`, in pixels. The edge pixels continue outside.
pub(super) fn blur(plane: &mut Vec<f32>, side: usize, sigma: f32) {
    /// Below this standard deviation a kernel is nearly a single pixel.
    const SHARP: f32 = 0.3;
    if sigma < SHARP {
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few pixels, above 0"
    )]
    let reach = (2.5 * sigma).ceil() as usize;
    let weight = |i: usize| (-((i as f32 - reach as f32) / sigma).powi(2) / 2.0).exp();
    let kernel: Vec<f32> = (0..=2 * reach).map(weight).collect();
    let whole: f32 = kernel.iter().sum();
    for _ in 0..2 {
        // Each pass blurs the rows and transposes the plane, so two passes blur both axes and restore the orientation.
        let mut turned = vec![0.0; side * side];
        let mut wide = vec![0.0; side + 2 * reach];
        for (y, row) in plane.chunks_exact(side).enumerate() {
            wide[..reach].fill(row[0]);
            wide[reach..reach + side].copy_from_slice(row);
            wide[reach + side..].fill(row[side - 1]);
            for (x, around) in wide.windows(kernel.len()).enumerate() {
                let sum: f32 = around
                    .iter()
                    .zip(&kernel)
                    .map(|(grey, weight)| grey * weight)
                    .sum();
                turned[x * side + y] = sum / whole;
            }
        }
        *plane = turned;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    #[test]
    fn a_covered_edge_holds_no_lung() {
        let (mut plane, mut target) = (vec![0.0; 64 * 64], vec![1.0; 64 * 64]);
        cover_edge(&mut plane, &mut target, 64, &mut rng(3));
        let covered = plane.iter().filter(|grey| grey.abs() > 0.5).count();
        assert!((64..=64 * 8).contains(&covered));
        assert!(
            plane
                .iter()
                .zip(&target)
                .all(|(grey, lung)| (grey.abs() > 0.5) == (*lung < 0.5))
        );
    }

    #[test]
    fn opacities_only_brighten_and_lie_on_lung_more_often_than_chance() {
        let target: Vec<f32> = (0..64 * 64)
            .map(|i| if i % 64 < 6 { 1.0 } else { 0.0 })
            .collect();
        let (mut on_lung, mut elsewhere) = (0.0, 0.0);
        for seed in 0..50 {
            let mut plane = vec![-0.8; 64 * 64];
            opacify(&mut plane, &target, 64, &mut rng(seed));
            assert!(plane.iter().all(|grey| (-0.8..0.8).contains(grey)));
            assert!(
                plane.iter().any(|&grey| grey > -0.7),
                "seed {seed} changed nothing"
            );
            for (grey, lung) in plane.iter().zip(&target) {
                *(if *lung > 0.5 {
                    &mut on_lung
                } else {
                    &mut elsewhere
                }) += grey + 0.8;
            }
        }
        assert!(
            on_lung / 6.0 > 2.0 * elsewhere / 58.0,
            "{on_lung} {elsewhere}"
        );
    }

    #[test]
    fn a_blur_keeps_the_mean_and_spreads_a_point_by_its_deviation() {
        let side = 65;
        let mut plane = vec![0.0; side * side];
        plane[32 * side + 32] = 1.0;
        blur(&mut plane, side, 2.0);
        assert!((plane.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let along = |axis: fn(usize) -> usize| {
            let square = |(i, grey): (usize, &f32)| grey * (axis(i) as f32 - 32.0).powi(2);
            plane.iter().enumerate().map(square).sum::<f32>().sqrt()
        };
        assert!((along(|i| i % 65) - 2.0).abs() < 0.15 && (along(|i| i / 65) - 2.0).abs() < 0.15);
    }

    #[test]
    fn a_blur_leaves_what_is_even_and_keeps_rows_and_columns_apart() {
        let mut even = vec![0.4; 33 * 33];
        blur(&mut even, 33, 3.0);
        assert!(
            even.iter().all(|grey| (grey - 0.4).abs() < 1e-5),
            "at the edges too"
        );
        let mut plane = vec![0.0; 33 * 33];
        plane[5 * 33 + 20] = 1.0;
        blur(&mut plane, 33, 1.0);
        let brightest = (0..33 * 33).max_by(|&a, &b| plane[a].total_cmp(&plane[b]));
        assert_eq!(brightest, Some(5 * 33 + 20));
    }

    #[test]
    fn a_blur_of_next_to_nothing_changes_nothing() {
        let mut plane: Vec<f32> = (0..32 * 32).map(|i| (i % 7) as f32).collect();
        let before = plane.clone();
        blur(&mut plane, 32, 0.1);
        assert_eq!(plane, before);
    }
}
