//! Varies the shape of a training film: maps each pixel of the variation to a place in the film.

use rand_chacha::ChaCha8Rng;

use super::{AugmentOptions, around, happens};

/// The number of cells along a side between the points that bend a film. A wave is at least two cells long.
const CELLS: usize = 4;
/// A cubic B-spline reaches three points further than it has cells.
const POINTS: usize = CELLS + 3;

/// The mapping from a pixel of the variation to a place in the sample.
#[derive(Debug)]
pub(super) struct Shape {
    /// The side of the variation.
    side: usize,
    affine: Affine,
    bend: Option<Bend>,
}

#[derive(Debug)]
struct Affine {
    x: [f32; 3],
    y: [f32; 3],
}

/// A smooth deformation: a cubic B-spline of shifts at a few points (Rueckert et al. 1999).
#[derive(Debug)]
struct Bend {
    /// The shift of each point along x and along y, in pixels of the sample.
    points: [[[f32; 2]; POINTS]; POINTS],
}

impl Shape {
    /// Draws a mapping for samples of the side `from`.
    pub(super) fn draw(
        from: usize,
        side: usize,
        options: &AugmentOptions,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let affine = Affine::draw(from, side, options, rng);
        let mut point = || [(); 2].map(|()| around(options.bend, rng) * from as f32);
        let bend = (options.bend > 0.0).then(|| Bend {
            points: [(); POINTS].map(|()| [(); POINTS].map(|()| point())),
        });
        Self { side, affine, bend }
    }

    /// Calls `visit` with the place in the sample of each pixel, row by row.
    fn places(&self, mut visit: impl FnMut(f32, f32)) {
        let splines: Vec<_> = (0..self.side).map(|i| Spline::at(i, self.side)).collect();
        for (y, down) in splines.iter().enumerate() {
            let row = self.bend.as_ref().map(|bend| down.over_rows(&bend.points));
            for (x, across) in splines.iter().enumerate() {
                let [dx, dy] = row.as_ref().map_or([0.0; 2], |row| across.over(row));
                let (from_x, from_y) = self.affine.at(x as f32, y as f32);
                visit(from_x + dx, from_y + dy);
            }
        }
    }
}

impl Affine {
    fn draw(from: usize, side: usize, options: &AugmentOptions, rng: &mut ChaCha8Rng) -> Self {
        let (sine, cosine) = around(options.rotation_degrees, rng).to_radians().sin_cos();
        let scale = around(options.scale, rng);
        let aspect = around(options.aspect, rng) / 2.0;
        let step = from as f32 / side as f32;
        let (wide, high) = (
            step * (-scale - aspect).exp(),
            step * (-scale + aspect).exp(),
        );
        let centre = |side: usize| (side as f32 - 1.0) / 2.0;
        let shift = |rng: &mut ChaCha8Rng| around(options.shift, rng) * side as f32;
        let (dx, dy) = (centre(side) + shift(rng), centre(side) + shift(rng));
        let row = |a: f32, b: f32| [a, b, centre(from) - a * dx - b * dy];
        let wide = if happens(options.flip_probability, rng) {
            -wide
        } else {
            wide
        };
        Self {
            x: row(cosine * wide, -sine * wide),
            y: row(sine * high, cosine * high),
        }
    }

    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let of = |row: &[f32; 3]| row[0] * x + row[1] * y + row[2];
        (of(&self.x), of(&self.y))
    }
}

/// The weights of the four points around a place on a side.
#[derive(Debug)]
struct Spline {
    first: usize,
    weights: [f32; 4],
}

impl Spline {
    fn at(pixel: usize, side: usize) -> Self {
        let first = pixel * CELLS / side;
        let t = (pixel * CELLS % side) as f32 / side as f32;
        let weights = [
            (1.0 - t).powi(3),
            3.0 * t.powi(3) - 6.0 * t.powi(2) + 4.0,
            -3.0 * t.powi(3) + 3.0 * t.powi(2) + 3.0 * t + 1.0,
            t.powi(3),
        ];
        Self {
            first,
            weights: weights.map(|weight| weight / 6.0),
        }
    }

    fn over(&self, row: &[[f32; 2]; POINTS]) -> [f32; 2] {
        let near = &row[self.first..];
        [0, 1].map(|axis| {
            self.weights
                .iter()
                .zip(near)
                .map(|(weight, shift)| weight * shift[axis])
                .sum()
        })
    }

    fn over_rows(&self, points: &[[[f32; 2]; POINTS]; POINTS]) -> [[f32; 2]; POINTS] {
        let near = &points[self.first..];
        std::array::from_fn(|i| {
            [0, 1].map(|axis| {
                self.weights
                    .iter()
                    .zip(near)
                    .map(|(weight, row)| weight * row[i][axis])
                    .sum()
            })
        })
    }
}

/// A square plane to warp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane<'a> {
    /// The values, row by row.
    pub(super) values: &'a [f32],
    /// The value outside of the plane.
    pub(super) outside: f32,
}

/// Warps planes of the side `from` alike, with bilinear interpolation.
pub(super) fn warp(planes: [Plane<'_>; 2], from: usize, shape: &Shape) -> [Vec<f32>; 2] {
    let mut moved = [(); 2].map(|()| Vec::with_capacity(shape.side * shape.side));
    shape.places(|x, y| {
        let (left, top) = (x.floor(), y.floor());
        let (u, v) = (x - left, y - top);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a place is within a few sides of the plane"
        )]
        let (left, top) = (left as i64, top as i64);
        for (plane, moved) in planes.iter().zip(&mut moved) {
            let at = |x: i64, y: i64| match (usize::try_from(x), usize::try_from(y)) {
                (Ok(x), Ok(y)) if x < from && y < from => plane.values[y * from + x],
                _ => plane.outside,
            };
            let upper = at(left, top) * (1.0 - u) + at(left + 1, top) * u;
            let lower = at(left, top + 1) * (1.0 - u) + at(left + 1, top + 1) * u;
            moved.push(upper * (1.0 - v) + lower * v);
        }
    });
    moved
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn shape(from: usize, side: usize, options: &AugmentOptions) -> Shape {
        Shape::draw(from, side, options, &mut ChaCha8Rng::seed_from_u64(5))
    }

    fn places(shape: &Shape) -> Vec<(f32, f32)> {
        let mut places = Vec::new();
        shape.places(|x, y| places.push((x, y)));
        places
    }

    #[test]
    fn a_spline_weighs_one_everywhere() {
        for pixel in 0..64 {
            let spline = Spline::at(pixel, 64);
            assert!((spline.weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(spline.first + 4 <= POINTS);
        }
    }

    #[test]
    fn a_bend_is_smooth_and_within_its_bound() {
        let straight = places(&shape(64, 64, &AugmentOptions::NONE));
        let bent = places(&shape(
            64,
            64,
            &AugmentOptions {
                bend: 0.1,
                ..AugmentOptions::NONE
            },
        ));
        let shifts: Vec<_> = bent
            .iter()
            .zip(&straight)
            .map(|(a, b)| (a.0 - b.0, a.1 - b.1))
            .collect();
        assert!(
            shifts
                .iter()
                .all(|(dx, dy)| dx.abs() <= 6.4 && dy.abs() <= 6.4)
        );
        assert!(shifts.iter().any(|(dx, _)| dx.abs() > 0.5));
        for row in shifts.chunks(64) {
            assert!(
                row.windows(2)
                    .all(|pair| (pair[0].0 - pair[1].0).abs() < 0.7),
                "a tear"
            );
        }
        assert!(
            shifts
                .iter()
                .any(|shift| (shift.0 - shifts[0].0).abs() > 0.5),
            "a plain shift"
        );
    }

    #[test]
    fn a_coarser_grid_shows_the_same_film() {
        let ramp: Vec<f32> = (0..96 * 96).map(|i| (i % 96) as f32).collect();
        let plane = Plane {
            values: &ramp,
            outside: 0.0,
        };
        let shape = shape(96, 64, &AugmentOptions::NONE);
        let [coarse, again] = warp([plane; 2], 96, &shape);
        assert_eq!(coarse.len(), 64 * 64);
        assert_eq!(coarse, again);
        for (i, value) in coarse.iter().take(64).enumerate() {
            // Pixel areas of both grids lie on each other.
            assert!(
                (value - ((i as f32 + 0.5) * 1.5 - 0.5)).abs() < 1e-3,
                "{i}: {value}"
            );
        }
    }
}
