//! Converts values of the modality to brightness, by the look-up table or the window of the values
//! of interest (VOI; PS3.3, C.11.2).

use std::f64::consts::E;

use dicom_dictionary_std::tags;

use super::data_set::DataSet;
use super::lookup::LookupTable;
use super::sample_layout::ValueRange;

/// The conversion of values of the modality to brightness.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum VoiTransform {
    Lookup(LookupTable),
    Window {
        centre: f64,
        width: f64,
        function: WindowFunction,
    },
}

/// The shape of a window (PS3.3, C.11.2.1.2 and C.11.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowFunction {
    Linear,
    LinearExact,
    Sigmoid,
}

impl VoiTransform {
    /// Reads the first look-up table of an object or, if it has none, its first window. Returns
    /// `None` if it has neither, or if the window has no width. `input` is the range of the
    /// modality's values.
    pub(super) fn of(data_set: DataSet<'_>, input: ValueRange) -> Option<Self> {
        let lookup = data_set
            .item(tags::VOILUT_SEQUENCE)
            .and_then(|item| LookupTable::of(item, input));
        lookup.map(Self::Lookup).or_else(|| Self::window(data_set))
    }

    /// Reads the first window of an object.
    fn window(data_set: DataSet<'_>) -> Option<Self> {
        let (centre, width) = (
            data_set.decimal(tags::WINDOW_CENTER)?,
            data_set.decimal(tags::WINDOW_WIDTH)?,
        );
        let function = match data_set.text(tags::VOILUT_FUNCTION).as_deref() {
            Some("SIGMOID") => WindowFunction::Sigmoid,
            Some("LINEAR_EXACT") => WindowFunction::LinearExact,
            _ => WindowFunction::Linear,
        };
        let least = if function == WindowFunction::Linear {
            1.0
        } else {
            f64::MIN_POSITIVE
        };
        (width >= least).then_some(Self::Window {
            centre,
            width,
            function,
        })
    }

    /// Returns the brightness of a value, from 0 to 1.
    pub(super) fn apply(&self, value: f64) -> f64 {
        match *self {
            Self::Lookup(ref lookup) => lookup.output().share(lookup.entry(value)),
            Self::Window {
                centre,
                width,
                function,
            } => function.apply(value, centre, width).clamp(0.0, 1.0),
        }
    }
}

impl WindowFunction {
    /// Returns the brightness of a value. Values outside of the window may give less than 0 or more
    /// than 1.
    fn apply(self, value: f64, centre: f64, width: f64) -> f64 {
        match self {
            Self::Linear if width > 1.0 => (value - (centre - 0.5)) / (width - 1.0) + 0.5,
            Self::Linear => f64::from(value > centre - 0.5),
            Self::LinearExact => (value - centre) / width + 0.5,
            Self::Sigmoid => 1.0 / (1.0 + E.powf(-4.0 * (value - centre) / width)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(centre: f64, width: f64, function: WindowFunction) -> VoiTransform {
        VoiTransform::Window {
            centre,
            width,
            function,
        }
    }

    /// Applies a transform, and formats the results without trailing zeros.
    fn applied<const N: usize>(transform: &VoiTransform, values: [f64; N]) -> [String; N] {
        values.map(|value| transform.apply(value).to_string())
    }

    #[test]
    fn a_linear_window_follows_the_standard() {
        // PS3.3, C.11.2.1.2.1: with a centre of 2048 and a width of 4096, the first value is black
        // and the last value is white.
        let whole = window(2048.0, 4096.0, WindowFunction::Linear);
        assert_eq!(applied(&whole, [0.0, 4095.0]), ["0", "1"]);
        let step = window(100.5, 1.0, WindowFunction::Linear);
        assert_eq!(applied(&step, [100.0, 100.1]), ["0", "1"]);
        let narrow = window(0.0, 100.0, WindowFunction::Linear);
        let expected = ["0", "0", "1", "1"];
        assert_eq!(applied(&narrow, [-51.0, -50.0, 49.0, 50.0]), expected);
    }

    #[test]
    fn an_exact_window_and_a_sigmoid_are_half_bright_at_their_centre() {
        for function in [WindowFunction::LinearExact, WindowFunction::Sigmoid] {
            assert!((window(300.0, 100.0, function).apply(300.0) - 0.5).abs() < 1e-12);
        }
        let exact = window(300.0, 100.0, WindowFunction::LinearExact);
        assert_eq!(applied(&exact, [250.0, 350.0]), ["0", "1"]);
    }
}
