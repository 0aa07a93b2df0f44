//! Decides which segmentations are doubtful enough to say so.

use std::ops::RangeInclusive;

use super::{Lungs, Side};
use crate::mask::ProbabilityMap;

/// The share of the film that plausible lungs cover. The reference masks of the 492 training films of the Montgomery
/// and Shenzhen sets cover 0.084 to 0.432.
const PLAUSIBLE_SHARE: RangeInclusive<f64> = 0.05..=0.60;

/// A lung with a smaller share of the other's area counts as missing. Of the 492 training references one lies below,
/// at 0.10, and is marked as doubtful; the next has 0.27.
const SMALLER_SHARE: f64 = 0.15;

/// From which probability on a model pixel is lung, and between which it is neither lung nor background for sure.
const LUNG: f32 = 0.5;
const UNSURE: RangeInclusive<f32> = 0.1..=0.9;

/// The most unsure pixels for one of lung in a map that is to be believed. A sure map has them along the lungs' borders only:
/// of the 562 training and validation films of the Montgomery and Shenzhen sets none has more than 0.43. Inverted copies
/// of 193 of them have 0.81 or more. Of every other lateral film, CT slice, photograph and drawn picture, those that the
/// other rules let through have 0.68 or more.
const UNSURE_SHARE: f64 = 0.5;

/// Why a segmentation should be looked at before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// The mask is empty.
    NoLung,
    /// One lung is missing, or has less than 15 % of the other's area.
    OneLung,
    /// The lungs cover less than 5 % or more than 60 % of the film.
    ImplausibleArea,
    /// The model is unsure about more than half as many pixels as it takes for lung.
    LowConfidence,
    /// The film has no contrast, which preprocessing sees.
    FlatFilm,
    /// The film's greys look inverted, which preprocessing sees.
    InvertedFilm,
    /// The lungs touch, and were parted where they are narrowest.
    TouchingLungs,
    /// The file says that the patient was seen from the side.
    LateralView,
    /// The file says that it holds the detector's values rather than a picture to look at.
    ForProcessing,
    /// The file says that it is of a modality that has no radiographs.
    UnexpectedModality,
}

impl Warning {
    /// Every warning, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::NoLung,
        Self::OneLung,
        Self::TouchingLungs,
        Self::ImplausibleArea,
        Self::LowConfidence,
        Self::FlatFilm,
        Self::InvertedFilm,
        Self::LateralView,
        Self::ForProcessing,
        Self::UnexpectedModality,
    ];

    /// The warning's name, which is stable.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoLung => "no_lung",
            Self::OneLung => "one_lung",
            Self::ImplausibleArea => "implausible_area",
            Self::LowConfidence => "low_confidence",
            Self::FlatFilm => "flat_film",
            Self::InvertedFilm => "inverted_film",
            Self::TouchingLungs => "touching_lungs",
            Self::LateralView => "lateral_view",
            Self::ForProcessing => "for_processing",
            Self::UnexpectedModality => "unexpected_modality",
        }
    }

    /// The warning in prose.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::NoLung => "no lung was found: the film may not be a frontal chest X-ray",
            Self::OneLung => {
                "only one lung was found, or one has less than 15 % of the other's area"
            }
            Self::ImplausibleArea => {
                "the lungs cover less than 5 % or more than 60 % of the film, as they hardly ever do"
            }
            Self::LowConfidence => {
                "the model is unsure about much of what it took for lung: the film may not be a frontal chest X-ray"
            }
            Self::FlatFilm => "the film is blank or nearly so",
            Self::InvertedFilm => {
                "the film's greys may be inverted: bone should be bright and air dark"
            }
            Self::TouchingLungs => {
                "the lungs touch; they were parted where they are narrowest, near the midline"
            }
            Self::LateralView => {
                "the file says that this is a lateral view: the model knows frontal ones"
            }
            Self::ForProcessing => {
                "the file says that it is for processing, not for presentation: its greys may mislead the model"
            }
            Self::UnexpectedModality => {
                "the file says that it is no radiograph: its modality is none of CR, DX, RG and OT"
            }
        }
    }
}

/// What is doubtful about `lungs`, which were cut from `map`, and then what preprocessing has found doubtful about their
/// `film`. Of a mask without lung no more is said than that.
#[must_use]
pub fn warnings(lungs: &Lungs, map: &ProbabilityMap, film: &[Warning]) -> Vec<Warning> {
    [of_lungs(lungs, map).as_slice(), film].concat()
}

fn of_lungs(lungs: &Lungs, map: &ProbabilityMap) -> Vec<Warning> {
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

/// Whether a map has too many unsure pixels for its lung. That is the map's own, whatever threshold a caller has cut it at.
fn is_unsure(map: &ProbabilityMap) -> bool {
    let count =
        |holds: fn(&f32) -> bool| map.values().iter().filter(|&value| holds(value)).count() as f64;
    count(|value| UNSURE.contains(value)) > UNSURE_SHARE * count(|&value| value >= LUNG)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::geometry::Size;
    use crate::mask::Mask;

    /// The warnings of a film of 100 columns and 100 rows with two bars of lung, each as (first column, columns).
    fn of_bars(bars: [(usize, usize); 2], rows: usize) -> Vec<Warning> {
        let lung = |index: usize| {
            let (x, y) = (index % 100, index / 100);
            y < rows
                && bars
                    .iter()
                    .any(|&(start, width)| (start..start + width).contains(&x))
        };
        let probability = |index| if lung(index) { 0.95 } else { 0.05 };
        of_map(ProbabilityMap::new(
            100,
            (0..10_000).map(probability).collect(),
        ))
    }

    /// The warnings of a film of the map's own size.
    fn of_map(map: Option<ProbabilityMap>) -> Vec<Warning> {
        let map = map.expect("a square of probabilities");
        let size = Size::square(map.side()).expect("there are pixels");
        let mask =
            Mask::new(size, map.values().iter().map(|&value| value >= LUNG)).expect("one grid");
        warnings(&Lungs::of(&mask), &map, &[])
    }

    /// The warnings of two lungs of 1,000 pixels each, with as many unsure pixels around them.
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
        assert_eq!(
            of_bars([(10, 30), (50, 31)], 100),
            [Warning::ImplausibleArea]
        );
        assert_eq!(of_bars([(10, 30), (50, 30)], 100), []);
        assert_eq!(of_bars([(10, 4), (60, 4)], 62), [Warning::ImplausibleArea]);
        assert_eq!(of_bars([(10, 4), (60, 4)], 63), []);
    }

    #[test]
    fn more_than_half_as_many_unsure_pixels_as_lung_are_told() {
        assert_eq!(of_unsure(1_000, 0.3), []);
        assert_eq!(of_unsure(1_001, 0.3), [Warning::LowConfidence]);
        assert_eq!(of_unsure(4_000, 0.05), [], "that is background for sure");
        // The unsure ones are lung too here: 1,500 of 3,500 and then 2,001 of 4,001.
        // They reach across both lungs' columns, so that all of it is one lung to be cut in two.
        assert_eq!(of_unsure(1_500, 0.7), [Warning::TouchingLungs]);
        assert_eq!(
            of_unsure(2_001, 0.7),
            [Warning::TouchingLungs, Warning::LowConfidence]
        );
        assert_eq!(
            of_unsure(4_000, 0.95),
            [Warning::TouchingLungs],
            "that is lung for sure"
        );
    }

    #[test]
    fn what_is_doubtful_about_the_film_is_told_last() {
        let map = ProbabilityMap::new(10, vec![0.0; 100]).expect("a square of ten");
        let lungs = Lungs::of(&Mask::empty(Size::square(10).expect("there are pixels")));
        let found = warnings(&lungs, &map, &[Warning::InvertedFilm]);
        assert_eq!(found, [Warning::NoLung, Warning::InvertedFilm]);
    }

    #[test]
    fn every_warning_has_a_name_and_a_sentence_of_its_own() {
        let codes: HashSet<_> = Warning::ALL.map(Warning::code).into();
        let sentences: HashSet<_> = Warning::ALL.map(Warning::message).into();
        assert_eq!([codes.len(), sentences.len()], [Warning::ALL.len(); 2]);
    }
}
