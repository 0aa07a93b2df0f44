//! Checks whether the lungs of a mask are plausible, and raises warnings if they are not.

use std::ops::RangeInclusive;

use super::lung::{Lungs, Side};
use crate::mask::ProbabilityMap;
use crate::warnings::Warning;

/// The share of the film that plausible lungs cover. The reference masks of the 492 training films
/// of the Montgomery and Shenzhen sets cover 0.084 to 0.432.
const PLAUSIBLE_SHARE: RangeInclusive<f64> = 0.05..=0.60;

/// A lung with a smaller share of the other lung's area counts as missing. Of the 492 training
/// references one is below, at 0.10, and is marked as doubtful. The next one has 0.27.
const SMALLER_SHARE: f64 = 0.15;

/// The lowest probability of a lung pixel of the model grid.
const LUNG: f32 = 0.5;
/// The probabilities of a pixel that is neither clearly lung nor clearly background.
const UNSURE: RangeInclusive<f32> = 0.1..=0.9;

/// The largest plausible number of unsure pixels, as a share of the number of lung pixels.
///
/// A confident map has unsure pixels along the borders of the lungs only. Of the 562 training and
/// validation films of the Montgomery and Shenzhen sets none has a share above 0.43. Inverted
/// copies of 193 of them have 0.81 or more. Lateral films, CT slices, photographs and drawn
/// pictures that pass the other checks have 0.68 or more.
const UNSURE_SHARE: f64 = 0.5;

/// Returns the warnings of a segmentation: first those about `lungs`, which come from `map`, and
/// then the warnings of preprocessing about the `film`.
///
/// A mask without a lung has only [`Warning::NoLung`] and the warnings about the film.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::lungs::{Lungs, warnings};
/// use lungfield_radiograph::mask::{Mask, ProbabilityMap};
/// use lungfield_radiograph::warnings::Warning;
///
/// let map = ProbabilityMap::new(2, vec![0.0; 4]).expect("2 × 2 probabilities");
/// let mask = Mask::empty(Size::square(100).expect("the side is not 0"));
/// let found = warnings(&Lungs::of(&mask), &map, &[Warning::FlatFilm]);
/// assert_eq!(found, [Warning::NoLung, Warning::FlatFilm]);
/// ```
#[must_use]
pub fn warnings(lungs: &Lungs, map: &ProbabilityMap, film: &[Warning]) -> Vec<Warning> {
    [check(lungs, map).as_slice(), film].concat()
}

/// Checks the number of lungs, their areas, and the confidence of the map.
fn check(lungs: &Lungs, map: &ProbabilityMap) -> Vec<Warning> {
    let area = |side| lungs.get(side).map_or(0.0, |lung| lung.area_px() as f64);
    let (right, left) = (area(Side::Right), area(Side::Left));
    let total = right + left;
    if total == 0.0 {
        return vec![Warning::NoLung];
    }
    let one_lung = right.min(left) < SMALLER_SHARE * right.max(left);
    let implausible = !PLAUSIBLE_SHARE.contains(&(total / lungs.film().pixels() as f64));
    let found = [
        (one_lung, Warning::OneLung),
        (lungs.touch(), Warning::TouchingLungs),
        (implausible, Warning::ImplausibleArea),
        (is_unsure(map), Warning::LowConfidence),
    ];
    found
        .into_iter()
        .filter_map(|(applies, warning)| applies.then_some(warning))
        .collect()
}

/// Returns whether a map has too many unsure pixels for its number of lung pixels. The result does
/// not depend on the threshold of the caller.
fn is_unsure(map: &ProbabilityMap) -> bool {
    let count =
        |holds: fn(&f32) -> bool| map.values().iter().filter(|&value| holds(value)).count() as f64;
    count(|value| UNSURE.contains(value)) > UNSURE_SHARE * count(|&value| value >= LUNG)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::geometry::Size;
    use crate::mask::Mask;

    /// Returns the warnings of a film of 100 columns and 100 rows with bars of lung in these
    /// columns and in the first `rows` rows.
    fn of_bars(bars: &[Range<usize>], rows: usize) -> Vec<Warning> {
        let lung = |index: usize| {
            let (x, y) = (index % 100, index / 100);
            y < rows && bars.iter().any(|columns| columns.contains(&x))
        };
        let probability = |index| if lung(index) { 0.95 } else { 0.05 };
        of_map(ProbabilityMap::new(
            100,
            (0..10_000).map(probability).collect(),
        ))
    }

    /// Returns the warnings of a film that has the size of the map.
    fn of_map(map: Option<ProbabilityMap>) -> Vec<Warning> {
        let map = map.expect("a square of probabilities");
        let size = Size::square(map.side()).expect("there are pixels");
        let mask =
            Mask::new(size, map.values().iter().map(|&value| value >= LUNG)).expect("one grid");
        warnings(&Lungs::of(&mask), &map, &[])
    }

    /// Returns the warnings of two lungs of 1,000 pixels each, beside `pixels` pixels of
    /// `probability`.
    fn of_unsure(pixels: usize, probability: f32) -> Vec<Warning> {
        let mut values = vec![0.0; 10_000];
        for row in values.chunks_exact_mut(100).take(50) {
            row[20..40].fill(1.0);
            row[60..80].fill(1.0);
        }
        values[6_000..6_000 + pixels].fill(probability);
        of_map(ProbabilityMap::new(100, values))
    }

    #[test]
    fn two_lungs_of_common_size_are_plausible() {
        assert_eq!(of_bars(&[10..35, 60..80], 60), []);
    }

    #[test]
    fn an_empty_mask_raises_no_other_warning() {
        assert_eq!(of_bars(&[0..0, 0..0], 0), [Warning::NoLung]);
    }

    #[test]
    fn a_missing_or_tiny_lung_raises_a_warning() {
        assert_eq!(of_bars(&[10..35, 60..60], 60), [Warning::OneLung]);
        assert_eq!(of_bars(&[10..40, 60..64], 60), [Warning::OneLung]);
        assert_eq!(of_bars(&[10..40, 60..65], 60), []);
    }

    #[test]
    fn lungs_that_cover_too_much_or_too_little_of_the_film_raise_a_warning() {
        assert_eq!(of_bars(&[10..40, 50..81], 100), [Warning::ImplausibleArea]);
        assert_eq!(of_bars(&[10..40, 50..80], 100), []);
        assert_eq!(of_bars(&[10..14, 60..64], 62), [Warning::ImplausibleArea]);
        assert_eq!(of_bars(&[10..14, 60..64], 63), []);
    }

    #[test]
    fn more_than_half_as_many_unsure_pixels_as_lung_pixels_raise_a_warning() {
        assert_eq!(of_unsure(1_000, 0.3), []);
        assert_eq!(of_unsure(1_001, 0.3), [Warning::LowConfidence]);
        assert_eq!(of_unsure(4_000, 0.05), [], "these are clearly background");
        // Here the unsure pixels are lung too: 1,500 of 3,500, and then 2,001 of 4,001. They extend
        // over the columns of both lungs, so that the mask is one component, which is cut in two.
        assert_eq!(of_unsure(1_500, 0.7), [Warning::TouchingLungs]);
        assert_eq!(
            of_unsure(2_001, 0.7),
            [Warning::TouchingLungs, Warning::LowConfidence]
        );
        assert_eq!(
            of_unsure(4_000, 0.95),
            [Warning::TouchingLungs],
            "these are clearly lung"
        );
    }

    #[test]
    fn warnings_about_the_film_come_last() {
        let map = ProbabilityMap::new(10, vec![0.0; 100]).expect("a square of ten");
        let lungs = Lungs::of(&Mask::empty(Size::square(10).expect("there are pixels")));
        let found = warnings(&lungs, &map, &[Warning::InvertedFilm]);
        assert_eq!(found, [Warning::NoLung, Warning::InvertedFilm]);
    }
}
