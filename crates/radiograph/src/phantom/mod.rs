//! Decides what a synthetic chest film looks like, and which of its pixels are lung.
//!
//! No patient's film may enter the repository, so phantoms stand in wherever a film is needed: tests, the self-test at
//! start, load tests, documentation. A seed decides the chest, its exposure and its noise, bit by bit, on every
//! machine. All shapes live in parts of the film's sides, so one seed gives the same chest at every size of the
//! same aspect, only finer; the noise differs. The chest is never stretched: a long film shows more of what is
//! around it.

mod bones;
mod chance;
mod chest;
mod film;
mod lung;
mod shapes;
mod stroke;
mod vessels;

use serde::{Deserialize, Serialize};

use self::film::Film;
use crate::geometry::Size;
use crate::mask::Mask;
use crate::radiograph::{Pixels, Radiograph};

/// How many bits a phantom's grey values have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Depth {
    /// 8-bit pixels.
    Eight,
    /// 16-bit pixels of which the lower 12 bits are used, as many detectors do.
    Twelve,
    /// 16-bit pixels.
    Sixteen,
}

impl TryFrom<u8> for Depth {
    type Error = &'static str;

    fn try_from(bits: u8) -> Result<Self, Self::Error> {
        match bits {
            8 => Ok(Self::Eight),
            12 => Ok(Self::Twelve),
            16 => Ok(Self::Sixteen),
            _ => Err("a phantom has 8, 12 or 16 bits"),
        }
    }
}

impl From<Depth> for u8 {
    fn from(depth: Depth) -> Self {
        match depth {
            Depth::Eight => 8,
            Depth::Twelve => 12,
            Depth::Sixteen => 16,
        }
    }
}

/// Which phantom to draw. As JSON: `{"seed": 1, "width": 512, "height": 512, "depth": 8}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "PlainOptions", into = "PlainOptions")]
pub struct PhantomOptions {
    /// Decides the chest, its place on the film, its exposure and the noise.
    pub seed: u64,
    /// The film's size. Below 32 pixels a side the two lungs may touch.
    pub size: Size,
    /// The depth of its grey values.
    pub depth: Depth,
}

/// [`PhantomOptions`] as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainOptions {
    seed: u64,
    width: u32,
    height: u32,
    depth: Depth,
}

impl TryFrom<PlainOptions> for PhantomOptions {
    type Error = &'static str;

    fn try_from(plain: PlainOptions) -> Result<Self, Self::Error> {
        let size =
            Size::new(plain.width, plain.height).ok_or("a phantom has at least one pixel")?;
        Ok(Self {
            seed: plain.seed,
            size,
            depth: plain.depth,
        })
    }
}

impl From<PhantomOptions> for PlainOptions {
    fn from(options: PhantomOptions) -> Self {
        let PhantomOptions { seed, size, depth } = options;
        Self {
            seed,
            width: size.width(),
            height: size.height(),
            depth,
        }
    }
}

/// A synthetic film and the exact mask of its lung fields: heart, mediastinum and diaphragm excluded, and the part of
/// the lungs that lies behind them, as in the reference masks of the Montgomery and Shenzhen sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Phantom {
    /// The film. Its pixel spacing is unknown.
    pub film: Radiograph,
    /// Its lung fields, on the same pixel grid.
    pub mask: Mask,
}

impl Phantom {
    /// Draws a phantom: the same options give the same pixels on every machine.
    ///
    /// Rows are drawn on rayon's current thread pool. Working set: about 8 bytes a pixel.
    #[must_use]
    pub fn draw(options: &PhantomOptions) -> Self {
        let PhantomOptions { seed, size, depth } = *options;
        let drawn = Film::new(seed, size);
        Self {
            film: developed(&drawn.brightness(), size, depth),
            mask: drawn.lung_fields(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "brightness lies between 0 and 1"
)]
fn developed(brightness: &[f32], size: Size, depth: Depth) -> Radiograph {
    let scaled = |white: f32| brightness.iter().map(move |value| value * white + 0.5);
    let pixels = match depth {
        Depth::Eight => Pixels::Eight(scaled(255.0).map(|value| value as u8).collect()),
        Depth::Twelve => Pixels::Sixteen(scaled(4095.0).map(|value| value as u16).collect()),
        Depth::Sixteen => Pixels::Sixteen(scaled(65_535.0).map(|value| value as u16).collect()),
    };
    Radiograph::new(size, pixels, None).expect("there is a brightness for every pixel of the size")
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// The mask alone, which costs far less than the film.
    fn mask(seed: u64, width: u32, height: u32) -> Mask {
        Film::new(seed, Size::new(width, height).unwrap()).lung_fields()
    }

    fn greys(phantom: &Phantom) -> &[u8] {
        match phantom.film.pixels() {
            Pixels::Eight(values) => values,
            Pixels::Sixteen(_) => panic!("drawn with 8 bits"),
        }
    }

    /// The mean grey of the pixels that `wanted` picks by column, row and lung.
    fn mean_grey(phantom: &Phantom, wanted: impl Fn(usize, usize, bool) -> bool) -> f64 {
        let columns = phantom.film.size().columns();
        let pixels = greys(phantom).iter().zip(phantom.mask.pixels()).enumerate();
        let picked: Vec<f64> = pixels
            .filter(|&(index, (_, lung))| wanted(index % columns, index / columns, lung))
            .map(|(_, (&grey, _))| f64::from(grey))
            .collect();
        picked.iter().sum::<f64>() / picked.len() as f64
    }

    /// Sizes and mean columns of the mask's 4-connected parts.
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

    /// Takes every mask pixel whose block of `factor × factor` is lung for the greater part.
    fn shrunk(mask: &Mask, factor: usize) -> Mask {
        let (columns, rows) = (mask.size().columns() / factor, mask.size().rows() / factor);
        let lung = |x: usize, y: usize| mask.row(y).get(x);
        let block = |x: usize, y: usize| {
            let inside = (0..factor * factor)
                .filter(|i| lung(x * factor + i % factor, y * factor + i / factor));
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
    fn a_golden_seed_draws_what_it_always_drew() {
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
    fn lungs_are_darker_than_what_lies_between_and_brighter_than_air() {
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
        for (depth, levels, white) in [(Depth::Twelve, 1000, 4095), (Depth::Sixteen, 4000, 65_535)]
        {
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
    fn options_are_written_plainly_and_read_back() {
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
}
