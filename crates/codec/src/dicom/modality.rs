//! Converts stored values to values of the modality (PS3.3, C.11.1).

use dicom_dictionary_std::tags;

use super::data_set::DataSet;
use super::lookup::LookupTable;
use super::sample_layout::{SampleLayout, ValueRange};

/// The conversion of stored values to values of the modality.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ModalityTransform {
    Rescale { slope: f64, intercept: f64 },
    Lookup(LookupTable),
}

impl ModalityTransform {
    /// The transform that changes nothing.
    pub(super) const IDENTITY: Self = Self::Rescale {
        slope: 1.0,
        intercept: 0.0,
    };

    /// Reads the look-up table of an object or, if it has none, its rescale slope and intercept.
    pub(super) fn of(data_set: DataSet<'_>, layout: SampleLayout) -> Self {
        data_set
            .item(tags::MODALITY_LUT_SEQUENCE)
            .and_then(|item| LookupTable::of(item, layout.range()))
            .map_or_else(|| Self::rescale(data_set), Self::Lookup)
    }

    /// Reads the rescale slope and intercept. A slope of 0 would make all pixels equal, so it
    /// counts as 1.
    fn rescale(data_set: DataSet<'_>) -> Self {
        let slope = data_set
            .decimal(tags::RESCALE_SLOPE)
            .filter(|&slope| slope != 0.0)
            .unwrap_or(1.0);
        Self::Rescale {
            slope,
            intercept: data_set.decimal(tags::RESCALE_INTERCEPT).unwrap_or(0.0),
        }
    }

    /// Converts a stored value.
    pub(super) fn apply(&self, value: f64) -> f64 {
        match self {
            Self::Rescale { slope, intercept } => slope * value + intercept,
            Self::Lookup(lookup) => lookup.entry(value),
        }
    }

    /// Returns the range of its results.
    pub(super) fn range(&self, layout: SampleLayout) -> ValueRange {
        match self {
            Self::Rescale { .. } => {
                let stored = layout.range();
                let (one, other) = (self.apply(stored.least), self.apply(stored.greatest));
                ValueRange {
                    least: one.min(other),
                    greatest: one.max(other),
                }
            }
            Self::Lookup(lookup) => lookup.output(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lungfield_radiograph::geometry::Size;

    #[test]
    fn the_range_of_a_rescale_is_that_of_the_rescaled_values() {
        let layout = |stored, signed| SampleLayout {
            size: Size::new(64, 48).unwrap(),
            allocated: 16,
            stored,
            shift: 0,
            signed,
            inverted: false,
        };
        for (slope, intercept, stored, signed, least, greatest) in [
            (1.0, -1.0, 12, false, -1.0, 4094.0),
            (1.0, 0.0, 12, true, -2048.0, 2047.0),
            (1.0, 0.5, 16, false, 0.5, 65_535.5),
            (-1.0, 4095.0, 12, false, 0.0, 4095.0),
        ] {
            let rescale = ModalityTransform::Rescale { slope, intercept };
            let range = rescale.range(layout(stored, signed));
            assert_eq!(range, ValueRange { least, greatest });
        }
    }
}
