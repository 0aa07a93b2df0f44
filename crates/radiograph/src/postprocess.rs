//! Restores the mask of a film from the probabilities on the model grid.
//!
//! Probabilities are first resampled to the film's own grid and then compared with the threshold,
//! so that a contour is as smooth as the film allows. The film is processed row by row. Apart from
//! the mask, no array of the size of the film is needed.

use std::ops::Range;

use crate::geometry::Geometry;
use crate::mask::{Mask, ProbabilityMap, Threshold};

/// Restores the mask of a film from its probability map. This inverts the preprocessing.
///
/// Probabilities are interpolated bilinearly between the centres of model pixels. Beyond the
/// outermost centres, the film's own edge pixels are used, and never the padding. A pixel is lung
/// if its probability is at least the threshold.
///
/// # Panics
///
/// Panics if the side of the map is not the model side of the geometry.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::{Geometry, Size};
/// use lungfield_radiograph::mask::{ProbabilityMap, Threshold};
/// use lungfield_radiograph::postprocess::restore;
///
/// // A film of 4 × 4 pixels on a model grid of 2 × 2, with lung in the left half.
/// let geometry = Geometry::letterbox(Size::new(4, 4).expect("neither side is 0"), 2);
/// let map = ProbabilityMap::new(2, vec![0.9, 0.1, 0.9, 0.1]).expect("2 × 2 probabilities");
/// let mask = restore(&map, &geometry, Threshold::HALF);
/// assert_eq!(mask.area_px(), 8);
/// assert!(mask.rows().all(|row| row.runs().eq([0..2])));
/// ```
#[must_use]
pub fn restore(map: &ProbabilityMap, geometry: &Geometry, threshold: Threshold) -> Mask {
    assert_eq!(
        map.side(),
        geometry.model_side(),
        "a map is restored with the geometry of its film"
    );
    let side = map.side() as usize;
    let size = geometry.source();
    let columns = column_taps(geometry);
    let spans = spans(&columns);
    let rows = row_taps(geometry);
    let mut blended = vec![0.0; side];
    let mut mask = Mask::empty(size);
    for (y, row) in rows.into_iter().enumerate() {
        blend(map.values(), side, row, &mut blended);
        for span in &spans {
            mask.fill(y, span.lung(&blended, threshold.get()));
        }
    }
    mask
}

/// Returns the probability at each pixel of the film, row by row, as a rounded value from 0 to 255.
///
/// The probabilities are those that [`restore`] compares with the threshold.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a probability lies in 0 to 1"
)]
pub fn restore_probabilities(map: &ProbabilityMap, geometry: &Geometry) -> Vec<u8> {
    let side = map.side() as usize;
    let size = geometry.source();
    let columns = column_taps(geometry);
    let rows = row_taps(geometry);
    let mut blended = vec![0.0; side];
    let mut shares = Vec::with_capacity(size.pixels());
    for row in rows {
        blend(map.values(), side, row, &mut blended);
        shares.extend(
            columns
                .iter()
                .map(|tap| (tap.between(&blended) * 255.0).round() as u8),
        );
    }
    shares
}

/// Scales a mask to the model grid. This is the inverse of [`restore`], and gives the target of
/// training.
///
/// Each model pixel that the film covers holds the share of lung among the film pixels under it.
/// The padding holds 0.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::{Geometry, Size};
/// use lungfield_radiograph::mask::Mask;
/// use lungfield_radiograph::postprocess::coverage;
///
/// let size = Size::new(4, 2).expect("neither side is 0");
/// let mask = Mask::new(size, [true, true, true, false, true, true, false, false]);
/// let geometry = Geometry::letterbox(size, 2);
/// // The film covers the upper row of the model grid. The lower row is padding.
/// let map = coverage(&mask.expect("one value for each pixel"), &geometry);
/// assert_eq!(map.values(), [1.0, 0.25, 0.0, 0.0]);
/// ```
#[must_use]
pub fn coverage(mask: &Mask, geometry: &Geometry) -> ProbabilityMap {
    let (side, placed) = (geometry.model_side() as usize, geometry.placed());
    let columns = cells(mask.size().columns(), placed.columns());
    let rows = cells(mask.size().rows(), placed.rows());
    let mut values = vec![0.0; side * side];
    for (y, rows) in rows.into_iter().enumerate() {
        let target = &mut values[(geometry.top() as usize + y) * side + geometry.left() as usize..];
        for (value, columns) in target.iter_mut().zip(&columns) {
            let lung: u64 = rows
                .clone()
                .map(|row| mask.row(row).area_px(columns.clone()))
                .sum();
            *value = lung as f32 / (rows.len() * columns.len()) as f32;
        }
    }
    ProbabilityMap::new(geometry.model_side(), values).expect("the values were made for this side")
}

/// The position of a film line between two neighbouring model lines.
#[derive(Clone, Copy, Debug)]
struct Tap {
    first: usize,
    second: usize,
    share: f32,
}

impl Tap {
    /// Interpolates between the values of the two model lines.
    fn between(&self, line: &[f32]) -> f32 {
        let (first, second) = (line[self.first], line[self.second]);
        first + (second - first) * self.share
    }
}

/// Returns the position of each film column between two model columns.
fn column_taps(geometry: &Geometry) -> Vec<Tap> {
    taps(
        geometry.source().columns(),
        geometry.placed().columns(),
        geometry.left() as usize,
    )
}

/// Returns the position of each film row between two model rows.
fn row_taps(geometry: &Geometry) -> Vec<Tap> {
    taps(
        geometry.source().rows(),
        geometry.placed().rows(),
        geometry.top() as usize,
    )
}

/// Returns the position of each of `length` film lines between the `placed` model lines that begin
/// at `offset`.
fn taps(length: usize, placed: usize, offset: usize) -> Vec<Tap> {
    let step = placed as f64 / length as f64;
    (0..length)
        .map(|line| {
            let position = ((line as f64 + 0.5) * step - 0.5).clamp(0.0, (placed - 1) as f64);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to 0..placed"
            )]
            let first = position as usize;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a share lies between 0 and 1"
            )]
            let share = (position - first as f64) as f32;
            Tap {
                first: offset + first,
                second: offset + (first + 1).min(placed - 1),
                share,
            }
        })
        .collect()
}

/// Film columns between the same two model columns. The probability changes linearly within a span.
#[derive(Debug)]
struct Span<'a> {
    start: usize,
    taps: &'a [Tap],
}

/// Divides the taps of a row into spans.
fn spans(taps: &[Tap]) -> Vec<Span<'_>> {
    let mut start = 0;
    let runs = taps.chunk_by(|a, b| (a.first, a.second) == (b.first, b.second));
    runs.map(|taps| {
        start += taps.len();
        Span {
            start: start - taps.len(),
            taps,
        }
    })
    .collect()
}

impl Span<'_> {
    /// Returns the columns of the span whose probability is at least `threshold`.
    ///
    /// They are the first or the last columns of the span: shares increase from column to column,
    /// and rounded products and sums keep the order. So a binary search finds them.
    fn lung(&self, line: &[f32], threshold: f32) -> Range<usize> {
        let is_lung = |tap: &Tap| tap.between(line) >= threshold;
        let (start, end) = (self.start, self.start + self.taps.len());
        let first = self.taps.first().is_some_and(is_lung);
        match (first, self.taps.last().is_some_and(is_lung)) {
            (true, true) => start..end,
            (false, false) => start..start,
            (true, false) => start..start + self.taps.partition_point(is_lung),
            (false, true) => start + self.taps.partition_point(|tap| !is_lung(tap))..end,
        }
    }
}

/// Interpolates between two rows of the model grid.
fn blend(values: &[f32], side: usize, row: Tap, blended: &mut [f32]) {
    let (first, second) = (
        &values[row.first * side..][..side],
        &values[row.second * side..][..side],
    );
    for ((out, &a), &b) in blended.iter_mut().zip(first).zip(second) {
        *out = a + (b - a) * row.share;
    }
}

/// Returns the film lines that each of `placed` model lines covers. If the film is smaller than the
/// model grid, a model line covers one film line.
fn cells(length: usize, placed: usize) -> Vec<Range<usize>> {
    (0..placed)
        .map(|line| {
            let start = line * length / placed;
            start..((line + 1) * length / placed).max(start + 1)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;
    use crate::overlap::Overlap;

    /// Returns the mask of a disc in the middle of a film.
    fn disc(size: Size) -> Mask {
        let (cx, cy) = (
            f64::from(size.width()) / 2.0,
            f64::from(size.height()) / 2.0,
        );
        let radius = cx.min(cy) * 0.7;
        let pixels = (0..size.height())
            .flat_map(|y| {
                (0..size.width()).map(move |x| (f64::from(x) + 0.5 - cx, f64::from(y) + 0.5 - cy))
            })
            .map(|(x, y)| x.hypot(y) < radius);
        Mask::new(size, pixels).unwrap()
    }

    #[test]
    fn a_mask_survives_the_model_grid() {
        for (width, height) in [(512, 512), (512, 420), (420, 512), (1000, 300), (256, 256)] {
            let size = Size::new(width, height).unwrap();
            let (mask, geometry) = (disc(size), Geometry::letterbox(size, 256));
            let back = restore(&coverage(&mask, &geometry), &geometry, Threshold::HALF);
            let dice = Overlap::of(&mask, &back).unwrap().dice();
            assert!(dice > 0.995, "{size}: {dice}");
        }
    }

    #[test]
    fn padding_does_not_change_the_film() {
        let size = Size::new(100, 400).unwrap();
        let geometry = Geometry::letterbox(size, 64);
        let full = Mask::new(size, vec![true; size.pixels()]).unwrap();
        assert_eq!(
            restore(
                &coverage(&full, &geometry),
                &geometry,
                Threshold::new(0.99).unwrap()
            ),
            full
        );
    }

    #[test]
    fn a_higher_threshold_never_adds_lung() {
        let size = Size::new(90, 70).unwrap();
        let geometry = Geometry::letterbox(size, 32);
        let map = coverage(&disc(size), &geometry);
        let areas = [0.1, 0.3, 0.5, 0.7, 0.9]
            .map(|t| restore(&map, &geometry, Threshold::new(t).unwrap()).area_px());
        assert!(areas.is_sorted_by(|a, b| a > b), "{areas:?}");
    }

    proptest! {
        #[test]
        fn a_mask_agrees_with_a_test_of_each_pixel(
            values in prop::collection::vec(prop_oneof![0.0_f32..1.0, Just(0.5), Just(0.0)], 8 * 8),
            width in 1_u32..90, height in 1_u32..90, threshold in prop_oneof![0.01_f32..0.99, Just(0.5)],
        ) {
            let geometry = Geometry::letterbox(Size::new(width, height).unwrap(), 8);
            let map = ProbabilityMap::new(8, values).unwrap();
            let mask = restore(&map, &geometry, Threshold::new(threshold).unwrap());
            let (columns, rows) = (column_taps(&geometry), row_taps(&geometry));
            let mut blended = vec![0.0; 8];
            for (tap, found) in rows.into_iter().zip(mask.rows()) {
                blend(map.values(), 8, tap, &mut blended);
                let expected = columns.iter().map(|column| column.between(&blended) >= threshold);
                prop_assert!(found.pixels().eq(expected));
            }
        }
    }

    #[test]
    fn a_probability_at_the_threshold_is_lung() {
        let geometry = Geometry::letterbox(Size::square(2).unwrap(), 2);
        let map = ProbabilityMap::new(2, vec![0.5, 0.4, 0.6, 0.5]).unwrap();
        assert_eq!(
            restore(&map, &geometry, Threshold::HALF)
                .pixels()
                .collect::<Vec<_>>(),
            [true, false, true, true]
        );
    }

    #[test]
    fn a_film_smaller_than_the_model_grid_is_restored_too() {
        let size = Size::new(40, 33).unwrap();
        let geometry = Geometry::letterbox(size, 256);
        let mask = disc(size);
        let back = restore(&coverage(&mask, &geometry), &geometry, Threshold::HALF);
        assert!(Overlap::of(&mask, &back).unwrap().dice() > 0.97);
    }
}
