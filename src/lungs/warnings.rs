//! Decides which segmentations are implausible enough to say so.

use std::ops::RangeInclusive;

use super::{Lungs, Side};

/// The share of the film that plausible lungs cover. The reference masks of the 492 training films of the Montgomery
/// and Shenzhen sets cover 0.084 to 0.432.
const PLAUSIBLE_SHARE: RangeInclusive<f64> = 0.05..=0.60;

/// A lung with a smaller share of the other's area counts as missing. Of the 492 training references one lies below,
/// at 0.10, and is marked as doubtful; the next has 0.27.
const SMALLER_SHARE: f64 = 0.15;

/// Why a segmentation should be looked at before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// The mask is empty.
    NoLung,
    /// One lung is missing, or has less than 15 % of the other's area.
    OneLung,
    /// The lungs cover less than 5 % or more than 60 % of the film.
    ImplausibleArea,
    /// The film has no contrast, which only preprocessing sees: [`warnings`] never says this.
    FlatFilm,
}

impl Warning {
    /// The warning's name, which is stable.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoLung => "no_lung",
            Self::OneLung => "one_lung",
            Self::ImplausibleArea => "implausible_area",
            Self::FlatFilm => "flat_film",
        }
    }

    /// The warning in prose.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::NoLung => "no lung was found: the film may not be a frontal chest X-ray",
            Self::OneLung => "only one lung was found, or one has less than 15 % of the other's area",
            Self::ImplausibleArea => {
                "the lungs cover less than 5 % or more than 60 % of the film, as they hardly ever do"
            }
            Self::FlatFilm => "the film is blank or nearly so",
        }
    }
}

/// What is implausible about `lungs`. A mask without lung is only that, and nothing else is said about it.
#[must_use]
pub fn warnings(lungs: &Lungs) -> Vec<Warning> {
    let area = |side| lungs.get(side).map_or(0.0, |lung| lung.area_px() as f64);
    let (right, left) = (area(Side::Right), area(Side::Left));
    let total = right + left;
    if total == 0.0 {
        return vec![Warning::NoLung];
    }
    let one_lung = right.min(left) < SMALLER_SHARE * right.max(left);
    let implausible = !PLAUSIBLE_SHARE.contains(&(total / lungs.film().pixels() as f64));
    let found = [(one_lung, Warning::OneLung), (implausible, Warning::ImplausibleArea)];
    found.into_iter().filter_map(|(applies, warning)| applies.then_some(warning)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::mask::Mask;

    /// The warnings of a film of 100 columns and 100 rows with two bars of lung, each as (first column, columns).
    fn of_bars(bars: [(usize, usize); 2], rows: usize) -> Vec<Warning> {
        let lung = |index: usize| {
            let (x, y) = (index % 100, index / 100);
            y < rows && bars.iter().any(|&(start, width)| (start..start + width).contains(&x))
        };
        let mask = Mask::new(Size::square(100).expect("there are pixels"), (0..10_000).map(lung));
        warnings(&Lungs::of(&mask.expect("100 rows of 100 pixels")))
    }

    #[test]
    fn two_lungs_of_common_size_are_plausible() {
        assert_eq!(of_bars([(10, 25), (60, 20)], 60), []);
    }

    #[test]
    fn an_empty_mask_is_without_lung_and_nothing_else() {
        assert_eq!(of_bars([(0, 0), (0, 0)], 0), [Warning::NoLung]);
    }

    #[test]
    fn a_missing_or_tiny_lung_is_told() {
        assert_eq!(of_bars([(10, 25), (60, 0)], 60), [Warning::OneLung]);
        assert_eq!(of_bars([(10, 30), (60, 4)], 60), [Warning::OneLung]);
        assert_eq!(of_bars([(10, 30), (60, 5)], 60), []);
    }

    #[test]
    fn lungs_that_fill_the_film_or_almost_nothing_of_it_are_told() {
        assert_eq!(of_bars([(10, 30), (50, 31)], 100), [Warning::ImplausibleArea]);
        assert_eq!(of_bars([(10, 30), (50, 30)], 100), []);
        assert_eq!(of_bars([(10, 4), (60, 4)], 62), [Warning::ImplausibleArea]);
        assert_eq!(of_bars([(10, 4), (60, 4)], 63), []);
    }

    #[test]
    fn every_warning_has_a_name_and_a_sentence_of_its_own() {
        let all = [Warning::NoLung, Warning::OneLung, Warning::ImplausibleArea, Warning::FlatFilm];
        assert_eq!(all.map(Warning::code), ["no_lung", "one_lung", "implausible_area", "flat_film"]);
        let sentences: std::collections::HashSet<_> = all.map(Warning::message).into();
        assert_eq!(sentences.len(), all.len());
    }
}
