//! Decides what is measured on a film: overlap, distance of the borders, what other thresholds would have given, and
//! how far the probabilities are to be believed.

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use lungfield_radiograph::geometry::{Geometry, Size};
use lungfield_radiograph::lungs::Warning;
use lungfield_radiograph::mask::{Mask, ProbabilityMap, Threshold};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::postprocess;
use lungfield_radiograph::radiograph::PixelSpacing;
use lungfield_radiograph::surface::SurfaceDistances;

/// How many thresholds are tried.
pub const THRESHOLDS: usize = 19;

/// The thresholds that are tried on every film: 0.05, 0.10 and so on to 0.95.
#[must_use]
pub fn thresholds() -> [Threshold; THRESHOLDS] {
    std::array::from_fn(|index| {
        Threshold::new((index + 1) as f32 / 20.0)
            .expect("a twentieth to nineteen lie between 0 and 1")
    })
}

/// What was measured on a film.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// The film's size.
    pub size: Size,
    /// How the model's mask agrees with the reference mask.
    pub overlap: Overlap,
    /// How far their borders lie apart, in pixels; `None` where one of them is empty and the other is not.
    pub surface: Option<SurfaceDistances>,
    /// The same in millimetres of the film; `None` also where its file states no pixel spacing.
    pub surface_mm: Option<SurfaceDistances>,
    /// The Dice score that each of [`thresholds`] gives.
    pub by_threshold: [f64; THRESHOLDS],
    /// What the model said of its pixels, and what was there.
    pub calibration: Calibration,
}

/// Measures the mask that `map` gives at `threshold` against the reference mask; in millimetres too where the film's
/// pixel spacing is known.
///
/// Every mask, those of the other thresholds included, comes from the postprocessing of serving.
///
/// # Panics
/// Where map and reference mask are not of the geometry's sides, which is the caller's mistake.
#[must_use]
pub fn measure(
    map: &ProbabilityMap,
    geometry: &Geometry,
    reference: &Mask,
    spacing: Option<PixelSpacing>,
    threshold: Threshold,
) -> Measures {
    let restore = |threshold| postprocess::restore(map, geometry, threshold);
    let overlap =
        |mask: &Mask| Overlap::of(mask, reference).expect("a reference mask has its film's size");
    let mask = restore(threshold);
    let one_size = "the overlap has found them to be of one size";
    let in_millimetres =
        |spacing| SurfaceDistances::in_millimetres(&mask, reference, spacing).expect(one_size);
    Measures {
        size: reference.size(),
        overlap: overlap(&mask),
        surface: SurfaceDistances::of(&mask, reference).expect(one_size),
        surface_mm: spacing.and_then(in_millimetres),
        by_threshold: thresholds().map(|threshold| overlap(&restore(threshold)).dice()),
        calibration: Calibration::of(map, geometry, reference),
    }
}

/// A film with what was measured on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The case's name.
    pub case: String,
    /// The data set that it was published in.
    pub source: String,
    /// Whether its reference mask is known to be doubtful.
    pub doubtful: bool,
    /// What the server would warn of.
    pub warnings: Vec<Warning>,
    /// What was measured.
    pub measures: Measures,
}

/// A single number that says how well a mask agrees with its reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Dice's coefficient.
    Dice,
    /// Jaccard's index.
    Jaccard,
    /// The symmetric 95 % Hausdorff distance, in pixels.
    #[serde(rename = "hausdorff_95_px")]
    Hausdorff95,
    /// The average symmetric surface distance, in pixels.
    #[serde(rename = "surface_distance_px")]
    SurfaceDistance,
    /// The symmetric 95 % Hausdorff distance, in millimetres of the film.
    #[serde(rename = "hausdorff_95_mm")]
    Hausdorff95Mm,
    /// The average symmetric surface distance, in millimetres of the film.
    #[serde(rename = "surface_distance_mm")]
    SurfaceDistanceMm,
}

impl Measure {
    /// Every measure, the most telling first.
    pub const ALL: [Self; 6] = [
        Self::Dice,
        Self::Jaccard,
        Self::Hausdorff95,
        Self::SurfaceDistance,
        Self::Hausdorff95Mm,
        Self::SurfaceDistanceMm,
    ];

    /// Whether it can't be had of a film whose file states no pixel spacing.
    #[must_use]
    pub fn needs_spacing(self) -> bool {
        matches!(self, Self::Hausdorff95Mm | Self::SurfaceDistanceMm)
    }

    /// The measure's value on a film; `None` where it is undefined.
    #[must_use]
    pub fn of(self, measures: &Measures) -> Option<f64> {
        match self {
            Self::Dice => Some(measures.overlap.dice()),
            Self::Jaccard => Some(measures.overlap.jaccard()),
            Self::Hausdorff95 => measures.surface.map(SurfaceDistances::hausdorff_95),
            Self::SurfaceDistance => measures.surface.map(SurfaceDistances::mean),
            Self::Hausdorff95Mm => measures.surface_mm.map(SurfaceDistances::hausdorff_95),
            Self::SurfaceDistanceMm => measures.surface_mm.map(SurfaceDistances::mean),
        }
    }

    /// The measure's name, with its unit.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dice => "Dice",
            Self::Jaccard => "Jaccard",
            Self::Hausdorff95 => "Hausdorff 95 %, px",
            Self::SurfaceDistance => "Surface distance, px",
            Self::Hausdorff95Mm => "Hausdorff 95 %, mm",
            Self::SurfaceDistanceMm => "Surface distance, mm",
        }
    }

    /// With how many decimal places it is shown.
    #[must_use]
    pub fn places(self) -> usize {
        match self {
            Self::Dice | Self::Jaccard => 4,
            Self::Hausdorff95
            | Self::SurfaceDistance
            | Self::Hausdorff95Mm
            | Self::SurfaceDistanceMm => 2,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A film of one row, whose reference mask is its first `lung` pixels of 10 and whose mask the first `found`.
    pub(in crate::evaluation) fn scored(
        case: &str,
        source: &str,
        [lung, found]: [usize; 2],
    ) -> Scored {
        let size = Size::new(10, 1).expect("neither side is 0");
        let reference = Mask::new(size, (0..10).map(|x| x < lung)).expect("ten pixels");
        let geometry = Geometry::letterbox(size, 10);
        let row = geometry.top() as usize;
        let probability = |index: usize| {
            if index / 10 == row && index % 10 < found {
                0.875
            } else {
                0.0
            }
        };
        let map =
            ProbabilityMap::new(10, (0..100).map(probability).collect()).expect("a square of ten");
        let measures = measure(&map, &geometry, &reference, None, Threshold::HALF);
        Scored {
            case: case.to_owned(),
            source: source.to_owned(),
            doubtful: false,
            warnings: Vec::new(),
            measures,
        }
    }

    #[test]
    fn a_film_is_measured_by_hand() {
        let Measures {
            overlap,
            surface,
            calibration,
            ..
        } = scored("a", "b", [5, 4]).measures;
        assert!((overlap.dice() - 8.0 / 9.0).abs() < 1e-12);
        assert!((overlap.jaccard() - 4.0 / 5.0).abs() < 1e-12);
        // A film of one row is all border: from the mask 0, from the reference mask 0 and, once, 1.
        let surface = surface.unwrap();
        assert!((surface.mean() - 1.0 / 9.0).abs() < 1e-12);
        assert!((surface.hausdorff_95() - 0.8).abs() < 1e-9);
        assert_eq!(
            [
                calibration.bins()[0].pixels(),
                calibration.bins()[8].pixels()
            ],
            [6, 4]
        );
        assert!((calibration.expected_error() - (1.0 + 0.125 * 4.0) / 10.0).abs() < 1e-9);
    }

    #[test]
    fn each_threshold_scores_as_if_it_had_been_the_models() {
        let film = lungfield_radiograph::phantom::Phantom::draw(
            &lungfield_radiograph::phantom::PhantomOptions {
                seed: 4,
                size: Size::new(96, 80).unwrap(),
                depth: lungfield_radiograph::phantom::Depth::Eight,
            },
        );
        let geometry = Geometry::letterbox(film.mask.size(), 32);
        let coverage = postprocess::coverage(&film.mask, &geometry);
        let unsure = coverage
            .values()
            .iter()
            .map(|share| 0.1 + 0.7 * share)
            .collect();
        let map = ProbabilityMap::new(32, unsure).unwrap();
        let measures = measure(&map, &geometry, &film.mask, None, Threshold::HALF);
        for (threshold, dice) in thresholds().into_iter().zip(measures.by_threshold) {
            let alone = measure(&map, &geometry, &film.mask, None, threshold)
                .overlap
                .dice();
            assert!(
                (dice - alone).abs() < 1e-12,
                "{threshold:?}: {dice} {alone}"
            );
        }
        assert!(measures.by_threshold[8] > 0.9);
        assert!(
            measures.by_threshold[0] < 0.6,
            "below 0.1 all of the film is lung"
        );
        assert!(measures.by_threshold[18] < 1e-12, "above 0.8 none of it is");
    }

    #[test]
    fn with_a_spacing_distances_are_in_millimetres_too() {
        let size = Size::square(16).unwrap();
        let geometry = Geometry::letterbox(size, 16);
        let square = |low: usize| {
            let inside = move |at: usize| {
                (low..low + 8).contains(&(at % 16)) && (4..12).contains(&(at / 16))
            };
            Mask::new(size, (0..256).map(inside)).unwrap()
        };
        let map = postprocess::coverage(&square(6), &geometry);
        let spacing = PixelSpacing::new(0.5, 0.5);
        let found = measure(&map, &geometry, &square(4), spacing, Threshold::HALF);
        let half = |px: Measure, mm: Measure| {
            let (px, mm) = (px.of(&found).unwrap(), mm.of(&found).unwrap());
            px > 0.0 && (mm - px / 2.0).abs() < 1e-6
        };
        assert!(half(Measure::Hausdorff95, Measure::Hausdorff95Mm));
        assert!(half(Measure::SurfaceDistance, Measure::SurfaceDistanceMm));
        assert_eq!(
            Measure::Hausdorff95Mm.of(&scored("a", "b", [5, 4]).measures),
            None
        );
    }

    #[test]
    fn a_half_is_among_the_thresholds() {
        assert_eq!(thresholds()[9], Threshold::HALF);
        assert_eq!(thresholds()[18], Threshold::new(0.95).unwrap());
    }

    #[test]
    fn a_mask_without_lung_has_overlap_but_no_distance() {
        let measures = scored("a", "b", [5, 0]).measures;
        assert_eq!(Measure::Dice.of(&measures), Some(0.0));
        assert_eq!(Measure::Hausdorff95.of(&measures), None);
        assert_eq!(Measure::SurfaceDistance.of(&measures), None);
    }
}
