//! Tests of phantoms.

use super::{Depth, Phantom, PhantomOptions, Projection};
use crate::geometry::Size;
use crate::mask::Mask;
use crate::radiograph::Pixels;

fn options(seed: u64, width: u32, height: u32) -> PhantomOptions {
    PhantomOptions {
        seed,
        size: Size::new(width, height).unwrap(),
        depth: Depth::Eight,
    }
}

fn draw(seed: u64, width: u32, height: u32) -> Phantom {
    Phantom::draw(&options(seed, width, height))
}

/// Draws the mask only, which costs much less than the film.
fn mask(seed: u64, width: u32, height: u32) -> Mask {
    Projection::new(seed, Size::new(width, height).unwrap()).lung_fields()
}

fn greys(phantom: &Phantom) -> &[u8] {
    match phantom.film.pixels() {
        Pixels::Eight(values) => values,
        Pixels::Sixteen(_) => panic!("drawn with 8 bits"),
    }
}

/// Returns the mean grey of the pixels that `wanted` selects by column, row and lung.
fn mean_grey(phantom: &Phantom, wanted: impl Fn(usize, usize, bool) -> bool) -> f64 {
    let columns = phantom.film.size().columns();
    let pixels = greys(phantom).iter().zip(phantom.mask.pixels()).enumerate();
    let picked: Vec<f64> = pixels
        .filter(|&(index, (_, lung))| wanted(index % columns, index / columns, lung))
        .map(|(_, (&grey, _))| f64::from(grey))
        .collect();
    picked.iter().sum::<f64>() / picked.len() as f64
}

/// Returns the size and the mean column of each 4-connected component of a mask.
fn parts(mask: &Mask) -> Vec<(usize, f64)> {
    let columns = mask.size().columns();
    let mut unseen = mask.pixels().collect::<Vec<_>>();
    let mut parts = Vec::new();
    for start in 0..unseen.len() {
        let (mut waiting, mut part) = (vec![start], Vec::new());
        while let Some(index) = waiting.pop() {
            if !std::mem::take(&mut unseen[index]) {
                continue;
            }
            part.push((index % columns) as f64);
            let beside = [
                (index % columns > 0, index.wrapping_sub(1)),
                ((index + 1) % columns > 0, index + 1),
            ];
            let above_below = [
                (index >= columns, index.wrapping_sub(columns)),
                (true, index + columns),
            ];
            let next = beside
                .into_iter()
                .chain(above_below)
                .filter(|&(inside, _)| inside)
                .map(|(_, next)| next);
            waiting.extend(next.filter(|&next| next < unseen.len()));
        }
        if !part.is_empty() {
            parts.push((part.len(), part.iter().sum::<f64>() / part.len() as f64));
        }
    }
    parts
}

/// Shrinks a mask: a pixel is lung if more than half of its block of `factor × factor` is.
fn shrunk(mask: &Mask, factor: usize) -> Mask {
    let (columns, rows) = (mask.size().columns() / factor, mask.size().rows() / factor);
    let lung = |x: usize, y: usize| mask.row(y).get(x);
    let block = |x: usize, y: usize| {
        let inside =
            (0..factor * factor).filter(|i| lung(x * factor + i % factor, y * factor + i / factor));
        2 * inside.count() > factor * factor
    };
    let pixels = (0..columns * rows).map(|i| block(i % columns, i / columns));
    let size = Size::new(
        u32::try_from(columns).unwrap(),
        u32::try_from(rows).unwrap(),
    )
    .unwrap();
    Mask::new(size, pixels).unwrap()
}

#[test]
fn the_same_seed_draws_the_same_pixels() {
    assert_eq!(draw(7, 96, 96), draw(7, 96, 96));
}

#[test]
fn threads_do_not_change_a_pixel() {
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
    };
    assert_eq!(
        pool(1).install(|| draw(7, 96, 96)),
        pool(5).install(|| draw(7, 96, 96))
    );
}

#[test]
fn another_seed_draws_another_chest() {
    let (one, other) = (draw(1, 96, 96), draw(2, 96, 96));
    assert_ne!(one.film, other.film);
    assert_ne!(one.mask, other.mask);
}

#[test]
fn a_golden_seed_still_draws_the_same_pixels() {
    let phantom = draw(1, 64, 64);
    let sum: u64 = greys(&phantom)
        .iter()
        .zip(1_u64..)
        .map(|(&grey, place)| u64::from(grey) * place)
        .sum();
    assert_eq!(
        (phantom.mask.area_px(), sum),
        (868, 1_196_728_259),
        "manifests that hold a golden phantom need a new one"
    );
}

#[test]
fn lungs_take_as_much_of_the_film_as_in_patients() {
    // Montgomery and Shenzhen, train split: mean 0.24, standard deviation 0.06, from 0.10 to 0.40.
    let fraction = |seed| mask(seed, 128, 128).area_px() as f64 / (128.0 * 128.0);
    let fractions: Vec<f64> = (0..50).map(fraction).collect();
    assert!(
        fractions
            .iter()
            .all(|fraction| (0.15..0.33).contains(fraction)),
        "{fractions:?}"
    );
    let mean = fractions.iter().sum::<f64>() / 50.0;
    assert!((0.21..0.26).contains(&mean), "{mean}");
}

#[test]
fn lungs_are_darker_than_the_mediastinum_and_brighter_than_air() {
    for seed in 0..10 {
        let phantom = draw(seed, 128, 128);
        let lungs = mean_grey(&phantom, |_, _, lung| lung);
        let mediastinum = mean_grey(&phantom, |x, y, lung| {
            !lung && (58..68).contains(&x) && (40..80).contains(&y)
        });
        let mut sorted = greys(&phantom).to_vec();
        sorted.sort_unstable();
        let outside = f64::from(sorted[sorted.len() / 100]);
        assert!(
            lungs + 40.0 < mediastinum,
            "seed {seed}: {lungs} and {mediastinum}"
        );
        assert!(outside + 30.0 < lungs, "seed {seed}: {outside} and {lungs}");
    }
}

#[test]
fn there_are_two_lungs_one_on_each_half_and_the_right_one_is_larger() {
    for seed in 0..50 {
        let lungs = parts(&mask(seed, 160, 160));
        assert_eq!(lungs.len(), 2, "seed {seed}");
        let (right, left) = if lungs[0].1 < lungs[1].1 {
            (lungs[0], lungs[1])
        } else {
            (lungs[1], lungs[0])
        };
        assert!(
            right.1 < 80.0 && left.1 > 80.0,
            "seed {seed}: {right:?} {left:?}"
        );
        assert!(right.0 > left.0, "seed {seed}: {right:?} {left:?}");
    }
}

#[test]
fn lungs_lie_whole_within_films_of_any_shape() {
    for (width, height) in [
        (32, 32),
        (33, 57),
        (640, 200),
        (200, 640),
        (105, 128),
        (128, 105),
    ] {
        assert_eq!(
            draw(1, width, height).film.size(),
            Size::new(width, height).unwrap()
        );
        for seed in 0..40 {
            let mask = mask(seed, width, height);
            let size = mask.size();
            let border = |i: usize| {
                let (x, y) = (i % size.columns(), i / size.columns());
                x == 0 || y == 0 || x + 1 == size.columns() || y + 1 == size.rows()
            };
            let touching = mask.pixels().enumerate().any(|(i, lung)| lung && border(i));
            assert!(!touching, "{size}, seed {seed}");
            assert_eq!(parts(&mask).len(), 2, "{size}, seed {seed}");
        }
    }
}

#[test]
fn a_film_of_one_pixel_can_be_drawn() {
    assert_eq!(draw(1, 1, 1).mask.size().pixels(), 1);
}

#[test]
fn one_seed_is_one_chest_at_every_size() {
    for (width, height) in [(64, 64), (80, 64), (64, 78)] {
        let coarse = mask(5, width, height);
        let fine = shrunk(&mask(5, 4 * width, 4 * height), 4);
        let differing = coarse
            .pixels()
            .zip(fine.pixels())
            .filter(|(a, b)| a != b)
            .count() as f64;
        let both = (coarse.area_px() + fine.area_px()) as f64;
        assert!(
            differing < 0.03 * both,
            "{width}×{height}: {differing} of {both}"
        );
    }
}

#[test]
fn deep_films_use_their_depth() {
    for (depth, levels, white) in [(Depth::Twelve, 1000, 4095), (Depth::Sixteen, 4000, 65_535)] {
        let phantom = Phantom::draw(&PhantomOptions {
            depth,
            ..options(3, 128, 128)
        });
        let Pixels::Sixteen(values) = phantom.film.pixels() else {
            panic!("drawn with {depth:?}")
        };
        let distinct: std::collections::BTreeSet<u16> = values.iter().copied().collect();
        assert!(distinct.len() > levels, "{depth:?}: {}", distinct.len());
        let brightest = *distinct.last().unwrap();
        assert!(
            brightest <= white && brightest > white / 10 * 8,
            "{depth:?}: {brightest}"
        );
    }
}

#[test]
fn options_have_their_documented_json_form() {
    let written = serde_json::to_string(&options(1, 512, 420)).unwrap();
    assert_eq!(written, r#"{"seed":1,"width":512,"height":420,"depth":8}"#);
    assert_eq!(
        serde_json::from_str::<PhantomOptions>(&written).unwrap(),
        options(1, 512, 420)
    );
}

#[test]
fn options_without_pixels_or_of_another_depth_are_refused() {
    for bad in [
        r#"{"seed":1,"width":0,"height":420,"depth":8}"#,
        r#"{"seed":1,"width":512,"height":420,"depth":10}"#,
        r#"{"seed":1,"width":512,"height":420,"depth":8,"sex":"f"}"#,
    ] {
        assert!(
            serde_json::from_str::<PhantomOptions>(bad).is_err(),
            "{bad}"
        );
    }
}
