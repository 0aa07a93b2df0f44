//! The catalogue of measures. Tables, reports and files list every measure of this catalogue.

use serde::{Serialize, Serializer};

use super::CaseMeasures;
use lungfield_radiograph::surface::SurfaceDistances;

/// A number that states how well a mask agrees with its reference mask.
///
/// To add a measure, add a variant, its entry in [`Measure::ALL`] and its definition.
///
/// ```
/// use lungfield_training::evaluation::measure::Measure;
///
/// let keys = Measure::ALL.map(Measure::key);
/// assert_eq!(keys[..3], ["dice", "jaccard", "hausdorff_95_px"]);
/// assert!(Measure::Hausdorff95Mm.needs_spacing());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Dice's coefficient.
    Dice,
    /// Jaccard's index.
    Jaccard,
    /// The symmetric 95 % Hausdorff distance, in pixels.
    Hausdorff95,
    /// The average symmetric surface distance, in pixels.
    SurfaceDistance,
    /// The symmetric 95 % Hausdorff distance, in millimetres of the film.
    Hausdorff95Mm,
    /// The average symmetric surface distance, in millimetres of the film.
    SurfaceDistanceMm,
}

/// What is known about a measure.
struct Definition {
    /// The name in `report.json` and `cases.csv`.
    key: &'static str,
    /// The name for people, with the unit.
    name: &'static str,
    /// The number of decimal places.
    places: usize,
    /// Whether the measure needs the pixel spacing of the film.
    needs_spacing: bool,
    /// Returns the value of a case.
    value: fn(&CaseMeasures) -> Option<f64>,
}

impl Measure {
    /// Every measure, the most important first.
    pub const ALL: [Self; 6] = [
        Self::Dice,
        Self::Jaccard,
        Self::Hausdorff95,
        Self::SurfaceDistance,
        Self::Hausdorff95Mm,
        Self::SurfaceDistanceMm,
    ];

    fn definition(self) -> Definition {
        match self {
            Self::Dice => Definition {
                key: "dice",
                name: "Dice",
                places: 4,
                needs_spacing: false,
                value: |case| Some(case.overlap.dice()),
            },
            Self::Jaccard => Definition {
                key: "jaccard",
                name: "Jaccard",
                places: 4,
                needs_spacing: false,
                value: |case| Some(case.overlap.jaccard()),
            },
            Self::Hausdorff95 => Definition {
                key: "hausdorff_95_px",
                name: "Hausdorff 95 %, px",
                places: 2,
                needs_spacing: false,
                value: |case| case.surface.map(SurfaceDistances::hausdorff_95),
            },
            Self::SurfaceDistance => Definition {
                key: "surface_distance_px",
                name: "Surface distance, px",
                places: 2,
                needs_spacing: false,
                value: |case| case.surface.map(SurfaceDistances::mean),
            },
            Self::Hausdorff95Mm => Definition {
                key: "hausdorff_95_mm",
                name: "Hausdorff 95 %, mm",
                places: 2,
                needs_spacing: true,
                value: |case| case.surface_mm.map(SurfaceDistances::hausdorff_95),
            },
            Self::SurfaceDistanceMm => Definition {
                key: "surface_distance_mm",
                name: "Surface distance, mm",
                places: 2,
                needs_spacing: true,
                value: |case| case.surface_mm.map(SurfaceDistances::mean),
            },
        }
    }

    /// Returns the value of a case, or `None` if the measure is undefined for it.
    #[must_use]
    pub fn of(self, measures: &CaseMeasures) -> Option<f64> {
        (self.definition().value)(measures)
    }

    /// Returns the name of the measure in files.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.definition().key
    }

    /// Returns the name of the measure for people, with its unit.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// Returns the number of decimal places with which the measure is shown.
    #[must_use]
    pub fn places(self) -> usize {
        self.definition().places
    }

    /// Returns whether the measure is undefined for a film whose file states no pixel spacing.
    #[must_use]
    pub fn needs_spacing(self) -> bool {
        self.definition().needs_spacing
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_measure_is_listed_once_and_in_the_order_of_files() {
        let mut sorted = Measure::ALL;
        sorted.sort_unstable();
        assert_eq!(sorted, Measure::ALL);
        let keys: BTreeSet<_> = Measure::ALL.map(Measure::key).into();
        assert_eq!(keys.len(), Measure::ALL.len());
    }
}
