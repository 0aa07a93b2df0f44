//! Decides how far the borders of two masks lie apart.
//!
//! From each pixel of one mask's border ([`Mask::border`]) the distance to the nearest border pixel of the other is
//! taken, and the other way round: two lists, the *directed* distances.
//!
//! Distances are Euclidean and exact, by the lower envelope of parabolas (Felzenszwalb and Huttenlocher, "Distance
//! Transforms of Sampled Functions", 2012). The distance within a column is kept while going down the rows, so that no
//! plane of the film's size is made.

use crate::mask::Mask;
use crate::overlap::SizeMismatch;
use crate::radiograph::PixelSpacing;

/// The share of directed distances that the robust Hausdorff distance bounds.
const ROBUST_SHARE: f64 = 0.95;

/// How far the borders of two masks lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceDistances {
    hausdorff_95: f64,
    mean: f64,
}

impl SurfaceDistances {
    /// The distances in pixels of the film's grid.
    ///
    /// Two empty masks agree perfectly: 0. Where only one is empty, no distance is defined: `None`.
    pub fn of(first: &Mask, second: &Mask) -> Result<Option<Self>, SizeMismatch> {
        Self::between(
            first,
            second,
            Steps {
                row: 1.0,
                column: 1.0,
            },
        )
    }

    /// The distances in millimetres of the film; empty masks count as in [`Self::of`].
    pub fn in_millimetres(
        first: &Mask,
        second: &Mask,
        spacing: PixelSpacing,
    ) -> Result<Option<Self>, SizeMismatch> {
        let steps = Steps {
            row: spacing.row_mm(),
            column: spacing.column_mm(),
        };
        Self::between(first, second, steps)
    }

    /// The symmetric 95 % Hausdorff distance: the larger of the 95th percentiles of the two lists of directed
    /// distances, each percentile interpolated as [`quantile`] says.
    ///
    /// This is the definition of MONAI's `compute_hausdorff_distance`, and of `DeepMind`'s `surface-distance` but for its
    /// weighting of border elements by their length.
    #[must_use]
    pub fn hausdorff_95(self) -> f64 {
        self.hausdorff_95
    }

    /// The average symmetric surface distance: the mean of both lists of directed distances taken together, as MONAI's
    /// `compute_average_surface_distance` has it when asked for the symmetric one.
    #[must_use]
    pub fn mean(self) -> f64 {
        self.mean
    }

    fn between(first: &Mask, second: &Mask, steps: Steps) -> Result<Option<Self>, SizeMismatch> {
        if first.size() != second.size() {
            return Err(SizeMismatch {
                first: first.size(),
                second: second.size(),
            });
        }
        let [first, second] = [first, second].map(Border::of);
        if first.is_empty() != second.is_empty() {
            return Ok(None);
        }
        let mut directed = [
            directed(&first, &second, steps),
            directed(&second, &first, steps),
        ];
        let total: f64 = directed.iter().flatten().sum();
        let count = directed.iter().map(Vec::len).sum::<usize>().max(1) as f64;
        let robust = directed.each_mut().map(|distances| {
            distances.sort_unstable_by(f64::total_cmp);
            quantile(distances, ROBUST_SHARE)
        });
        Ok(Some(Self {
            hausdorff_95: robust[0].max(robust[1]),
            mean: total / count,
        }))
    }
}

/// The value below which `share` of some ascending values lie, interpolated linearly between the two nearest (type 7 of
/// Hyndman and Fan 1996, the default of `NumPy` and R). `share` lies between 0 and 1; the quantile of nothing is 0.
#[must_use]
pub fn quantile(ascending: &[f64], share: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else {
        return 0.0;
    };
    let position = last as f64 * share;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 ≤ position ≤ last"
    )]
    let index = position as usize;
    let (lower, upper) = (ascending[index], ascending[(index + 1).min(last)]);
    lower + (upper - lower) * (position - index as f64)
}

/// The distances between neighbouring rows and between neighbouring columns.
#[derive(Clone, Copy)]
struct Steps {
    row: f64,
    column: f64,
}

/// The border pixels of a mask, row by row, in the order of their columns.
struct Border {
    columns: usize,
    rows: Vec<Vec<BorderPixel>>,
}

#[derive(Clone, Copy)]
struct BorderPixel {
    column: usize,
    /// The row of the next border pixel further down in this column; infinite where there is none.
    next_row: f64,
}

impl Border {
    fn of(mask: &Mask) -> Self {
        let columns = mask.size().columns();
        let border = mask.border();
        Self {
            columns,
            rows: linked(
                border
                    .rows()
                    .map(|row| row.runs().flatten().collect())
                    .collect(),
                columns,
            ),
        }
    }

    fn is_empty(&self) -> bool {
        self.rows.iter().all(Vec::is_empty)
    }

    /// The row of each column's first border pixel.
    fn first_rows(&self) -> Vec<f64> {
        let mut first = vec![f64::INFINITY; self.columns];
        for (y, row) in self.rows.iter().enumerate().rev() {
            for pixel in row {
                first[pixel.column] = y as f64;
            }
        }
        first
    }
}

/// Tells every border pixel its next one in the same column.
fn linked(rows: Vec<Vec<usize>>, columns: usize) -> Vec<Vec<BorderPixel>> {
    let mut next = vec![f64::INFINITY; columns];
    let mut linked: Vec<Vec<BorderPixel>> = Vec::with_capacity(rows.len());
    for (y, row) in rows.into_iter().enumerate().rev() {
        let link = |column: usize| BorderPixel {
            column,
            next_row: std::mem::replace(&mut next[column], y as f64),
        };
        linked.push(row.into_iter().map(link).collect());
    }
    linked.reverse();
    linked
}

/// The distance from each pixel of `from` to the nearest of `to`, which is empty only where `from` is.
fn directed(from: &Border, to: &Border, steps: Steps) -> Vec<f64> {
    let (mut above, mut below) = (vec![f64::NEG_INFINITY; to.columns], to.first_rows());
    let mut envelope = Envelope::default();
    let mut distances = Vec::new();
    for (y, (asking, border)) in from.rows.iter().zip(&to.rows).enumerate() {
        let row = y as f64;
        for pixel in border {
            above[pixel.column] = row;
            below[pixel.column] = pixel.next_row;
        }
        if asking.is_empty() {
            continue;
        }
        envelope.clear();
        for (x, (above, below)) in above.iter().zip(&below).enumerate() {
            let height = ((row - above).min(below - row) * steps.row).powi(2);
            envelope.add(Parabola {
                foot: x as f64 * steps.column,
                height,
            });
        }
        let feet = asking
            .iter()
            .map(|pixel| pixel.column as f64 * steps.column);
        distances.extend(envelope.heights(feet).map(f64::sqrt));
    }
    distances
}

/// The squared distance to a border pixel, along a row: `(x − foot)² + height`.
#[derive(Clone, Copy)]
struct Parabola {
    foot: f64,
    height: f64,
}

impl Parabola {
    fn at(self, x: f64) -> f64 {
        (x - self.foot).powi(2) + self.height
    }

    /// Where this parabola and one with its foot further right cross; from there on the other is the lower one.
    fn crossing(self, right: Self) -> f64 {
        let difference = right.at(0.0) - self.at(0.0);
        difference / (2.0 * (right.foot - self.foot))
    }
}

/// The lowest of some parabolas at every place.
#[derive(Default)]
struct Envelope {
    /// From left to right, each with the place from which on it is the lowest.
    parts: Vec<(f64, Parabola)>,
}

impl Envelope {
    fn clear(&mut self) {
        self.parts.clear();
    }

    /// Takes in a parabola with its foot to the right of all before; one that is infinitely high changes nothing.
    fn add(&mut self, parabola: Parabola) {
        if parabola.height.is_infinite() {
            return;
        }
        let mut start = f64::NEG_INFINITY;
        while let Some(&(last_start, last)) = self.parts.last() {
            start = last.crossing(parabola);
            if start > last_start {
                break;
            }
            self.parts.pop();
        }
        self.parts.push((start, parabola));
    }

    /// The envelope's height at some places, which ascend.
    fn heights(&self, places: impl Iterator<Item = f64>) -> impl Iterator<Item = f64> {
        let mut part = 0;
        places.map(move |x| {
            while self
                .parts
                .get(part + 1)
                .is_some_and(|&(start, _)| start < x)
            {
                part += 1;
            }
            self.parts[part].1.at(x)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;

    fn mask(rows: &[&str]) -> Mask {
        let pixels = |length: usize| u32::try_from(length).expect("a test's mask is small");
        let size =
            Size::new(pixels(rows[0].len()), pixels(rows.len())).expect("a test's mask has pixels");
        let lung = rows
            .iter()
            .flat_map(|row| row.chars())
            .map(|pixel| pixel == '#');
        Mask::new(size, lung).expect("the rows of a test's mask are equally long")
    }

    fn distances(first: &Mask, second: &Mask) -> Option<SurfaceDistances> {
        SurfaceDistances::of(first, second).expect("the masks are of one size")
    }

    fn is(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    /// Every border pixel as row and column, found by looking at its neighbours one by one.
    fn plain_border(mask: &Mask) -> Vec<(f64, f64)> {
        let (columns, rows) = (mask.size().columns(), mask.size().rows());
        let lung = |x: usize, y: usize| x < columns && y < rows && mask.row(y).get(x);
        let beside = [(0, 1), (2, 1), (1, 0), (1, 2)];
        let inner = |x: usize, y: usize| {
            beside
                .iter()
                .all(|(dx, dy)| lung((x + dx).wrapping_sub(1), (y + dy).wrapping_sub(1)))
        };
        let all = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
        all.filter(|&(x, y)| lung(x, y) && !inner(x, y))
            .map(|(x, y)| (y as f64, x as f64))
            .collect()
    }

    /// Both lists of directed distances, every pixel compared with every other.
    fn brute_force(first: &Mask, second: &Mask, [row, column]: [f64; 2]) -> [Vec<f64>; 2] {
        let [first, second] = [first, second].map(plain_border);
        [(&first, &second), (&second, &first)].map(|(from, to)| {
            let apart =
                |a: &(f64, f64), b: &(f64, f64)| ((a.0 - b.0) * row).hypot((a.1 - b.1) * column);
            let nearest = from
                .iter()
                .map(|a| to.iter().map(|b| apart(a, b)).fold(f64::MAX, f64::min));
            let mut nearest: Vec<f64> = nearest.collect();
            nearest.sort_by(f64::total_cmp);
            nearest
        })
    }

    #[test]
    fn two_pixels_are_as_far_apart_as_a_ruler_says() {
        let (first, second) = (
            mask(&["#....", ".....", ".....", "....."]),
            mask(&[".....", ".....", ".....", "....#"]),
        );
        let found = distances(&first, &second).unwrap();
        is(found.hausdorff_95(), 5.0);
        is(found.mean(), 5.0);
    }

    #[test]
    fn the_mean_takes_both_lists_together_and_the_percentile_the_worse_of_the_two() {
        // From the single pixel: 0. From the bar: 0, 1, 2, 3.
        let (pixel, bar) = (mask(&["#..."]), mask(&["####"]));
        let found = distances(&pixel, &bar).unwrap();
        is(found.mean(), 6.0 / 5.0);
        is(found.hausdorff_95(), 2.85);
    }

    #[test]
    fn inner_pixels_do_not_count() {
        let full = mask(&[".....", ".###.", ".###.", ".###.", "....."]);
        let hollow = mask(&[".....", ".###.", ".#.#.", ".###.", "....."]);
        is(distances(&full, &hollow).unwrap().mean(), 0.0);
    }

    #[test]
    fn the_edge_of_the_film_is_a_border() {
        // All but the middle pixel of the full mask touch the film's edge, and are 1 or √2 from the single pixel.
        let (full, dot) = (mask(&["###", "###", "###"]), mask(&["...", ".#.", "..."]));
        is(
            distances(&full, &dot).unwrap().mean(),
            (4.0 + 4.0 * 2.0_f64.sqrt() + 1.0) / 9.0,
        );
    }

    #[test]
    fn empty_masks_agree_with_each_other_and_are_incomparable_with_any_else() {
        let (empty, dot) = (mask(&["..", ".."]), mask(&["#.", ".."]));
        let both = distances(&empty, &empty).unwrap();
        is(both.hausdorff_95() + both.mean(), 0.0);
        assert_eq!(distances(&empty, &dot), None);
        assert_eq!(distances(&dot, &empty), None);
    }

    #[test]
    fn masks_of_different_sizes_have_no_distance() {
        assert!(SurfaceDistances::of(&mask(&["#"]), &mask(&["##"])).is_err());
    }

    #[test]
    fn millimetres_follow_the_spacing_of_rows_and_columns() {
        let (first, second) = (
            mask(&["#...", "....", "...."]),
            mask(&["....", "....", "...#"]),
        );
        let spacing = PixelSpacing::new(2.0, 0.5).unwrap();
        let found = SurfaceDistances::in_millimetres(&first, &second, spacing)
            .unwrap()
            .unwrap();
        is(found.mean(), 4.0_f64.hypot(1.5));
    }

    #[test]
    fn quantiles_are_interpolated() {
        let values = [0.0, 1.0, 2.0, 3.0];
        for (share, expected) in [(0.0, 0.0), (0.5, 1.5), (0.95, 2.85), (1.0, 3.0)] {
            is(quantile(&values, share), expected);
        }
        is(quantile(&[7.0], 0.3), 7.0);
        is(quantile(&[], 0.3), 0.0);
    }

    fn two_masks() -> impl Strategy<Value = (Mask, Mask)> {
        (1_u32..12, 1_u32..12, 0.02..0.98_f64, 0.02..0.98_f64).prop_flat_map(
            |(width, height, a, b)| {
                let size = Size::new(width, height).expect("neither side is 0");
                let drawn = move |share: f64| {
                    prop::collection::vec(prop::bool::weighted(share), size.pixels()).prop_map(
                        move |pixels| {
                            Mask::new(size, pixels).expect("as many pixels as the size has")
                        },
                    )
                };
                (drawn(a), drawn(b))
            },
        )
    }

    proptest! {
        #[test]
        fn distances_are_those_of_every_pixel_compared_with_every_other(
            (first, second) in two_masks(),
            row_mm in 0.1..3.0_f32,
            column_mm in 0.1..3.0_f32,
        ) {
            let steps = Steps { row: row_mm.into(), column: column_mm.into() };
            let borders = [&first, &second].map(Border::of);
            prop_assume!(!borders.iter().any(Border::is_empty));
            let expected = brute_force(&first, &second, [steps.row, steps.column]);
            for (from, expected) in [0, 1].into_iter().zip(expected) {
                let mut found = directed(&borders[from], &borders[1 - from], steps);
                found.sort_by(f64::total_cmp);
                prop_assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(expected) {
                    prop_assert!((found - expected).abs() < 1e-9, "{} {}", found, expected);
                }
            }
        }

        #[test]
        fn the_order_of_the_masks_does_not_matter((first, second) in two_masks()) {
            let [one, other] = [distances(&first, &second), distances(&second, &first)];
            prop_assert_eq!(one.is_some(), other.is_some());
            if let (Some(one), Some(other)) = (one, other) {
                prop_assert!((one.hausdorff_95() - other.hausdorff_95()).abs() < 1e-9);
                prop_assert!((one.mean() - other.mean()).abs() < 1e-9);
            }
        }

        #[test]
        fn a_mask_is_at_no_distance_from_itself((mask, _) in two_masks()) {
            let found = distances(&mask, &mask).expect("both are empty or neither is");
            prop_assert!(found.hausdorff_95().abs() < 1e-12 && found.mean().abs() < 1e-12);
        }
    }
}
