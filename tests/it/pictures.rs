//! Decides what a picture is that is no chest film: drawn ones, for want of photographs that may lie in a repository.

use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SIDE: usize = 384;

/// A square picture of the greys that `grey` gives for column and row, both from 0 to 1.
fn drawn(grey: impl Fn(f64, f64) -> f64) -> Radiograph {
    let unit = |index: usize| index as f64 / SIDE as f64;
    let pixels = (0..SIDE * SIDE).map(|index| grey(unit(index % SIDE), unit(index / SIDE)));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a byte"
    )]
    let pixels = pixels.map(|grey| grey.clamp(0.0, 255.0) as u8).collect();
    let size = Size::square(u32::try_from(SIDE).unwrap()).unwrap();
    Radiograph::new(size, Pixels::Eight(pixels), None).unwrap()
}

/// A negative of a film.
pub(crate) fn inverted(film: &Radiograph) -> Radiograph {
    let Pixels::Eight(greys) = film.pixels() else {
        panic!("the film has 8 bits")
    };
    let greys = greys.iter().map(|grey| u8::MAX - grey).collect();
    Radiograph::new(film.size(), Pixels::Eight(greys), film.spacing()).unwrap()
}

/// One grey all over.
pub(crate) fn blank(seed: u64) -> Radiograph {
    drawn(|_, _| seed as f64 * 60.0 % 256.0)
}

/// Every pixel of a grey of its own.
pub(crate) fn noise(seed: u64) -> Radiograph {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let greys = (0..SIDE * SIDE).map(|_| random.random()).collect();
    let size = Size::square(u32::try_from(SIDE).unwrap()).unwrap();
    Radiograph::new(size, Pixels::Eight(greys), None).unwrap()
}

/// Bright to dark across the picture, or around a point of it.
pub(crate) fn gradient(seed: u64) -> Radiograph {
    let turn = seed as f64;
    let (x0, y0) = (0.5 + 0.3 * turn.sin(), 0.5 + 0.3 * turn.cos());
    if seed.is_multiple_of(2) {
        drawn(|x, y| 128.0 + 128.0 * ((x - 0.5) * turn.cos() + (y - 0.5) * turn.sin()))
    } else {
        drawn(|x, y| 255.0 * (x - x0).hypot(y - y0))
    }
}

/// Blots of many sizes, coarse ones stronger than fine ones, as in pictures of nature.
pub(crate) fn clouds(seed: u64) -> Radiograph {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut wave = || {
        let frequency = 2.0_f64.powf(random.random_range(0.0..6.0));
        let (angle, phase) = (
            random.random_range(0.0..3.2_f64),
            random.random_range(0.0..6.3),
        );
        (
            frequency * angle.cos() * 6.3,
            frequency * angle.sin() * 6.3,
            phase,
            90.0 / frequency.powf(0.8),
        )
    };
    let waves: Vec<_> = (0..60).map(|_| wave()).collect();
    drawn(|x, y| {
        128.0
            + waves
                .iter()
                .map(|(u, v, phase, high)| high * (u * x + v * y + phase).sin())
                .sum::<f64>()
    })
}

/// Ellipses of many greys on each other, as of things on a table.
pub(crate) fn things(seed: u64) -> Radiograph {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut thing = || {
        let mut between = |low, high| random.random_range(low..high);
        [
            between(0.0, 1.0),
            between(0.0, 1.0),
            between(0.05, 0.35),
            between(0.05, 0.35),
            between(0.0, 255.0),
        ]
    };
    let things: Vec<_> = (0..9).map(|_| thing()).collect();
    drawn(|x, y| {
        let covers =
            |&&[x0, y0, wide, high, _]: &&[f64; 5]| ((x - x0) / wide).hypot((y - y0) / high) < 1.0;
        things
            .iter()
            .rev()
            .find(covers)
            .map_or(seed as f64 * 40.0 % 256.0, |thing| thing[4])
    })
}

/// Lines of words, dark on white.
pub(crate) fn page(seed: u64) -> Radiograph {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let ink: Vec<bool> = (0..96 * 24).map(|_| random.random_bool(0.7)).collect();
    drawn(|x, y| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both are below 1"
        )]
        let (letter, line) = ((x * 96.0) as usize, (y * 24.0) as usize);
        let inside = (0.08..0.92).contains(&x) && (0.08..0.92).contains(&y) && y * 24.0 % 1.0 < 0.5;
        if inside && ink[line * 96 + letter] {
            20.0
        } else {
            240.0
        }
    })
}
