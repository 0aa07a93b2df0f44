//! Defines the probability that separates lung from background.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The lowest probability at which a pixel counts as lung. It is greater than 0 and less than 1.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::mask::Threshold;
///
/// let threshold: Threshold = "0.35".parse()?;
/// assert_eq!(threshold.get(), 0.35);
/// assert_eq!(Threshold::new(0.5), Some(Threshold::HALF));
/// assert_eq!(Threshold::new(1.0), None);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Threshold(f32);

impl Threshold {
    /// The threshold 0.5, at which lung and background are equally probable.
    pub const HALF: Self = Self(0.5);

    /// Creates a threshold. Returns `None` if `value` is not strictly between 0 and 1, or is NaN.
    #[must_use]
    pub fn new(value: f32) -> Option<Self> {
        (value > 0.0 && value < 1.0).then_some(Self(value))
    }

    /// Returns the threshold as a number.
    #[must_use]
    pub fn get(self) -> f32 {
        self.0
    }
}

impl TryFrom<f32> for Threshold {
    type Error = &'static str;

    fn try_from(value: f32) -> Result<Self, Self::Error> {
        Self::new(value).ok_or("a threshold lies strictly between 0 and 1")
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value: f32 = text.parse().map_err(|error| format!("{error}"))?;
        Self::try_from(value).map_err(str::to_owned)
    }
}

impl From<Threshold> for f32 {
    fn from(threshold: Threshold) -> Self {
        threshold.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_lies_strictly_between_0_and_1() {
        for bad in [f32::NAN, 0.0, 1.0, -0.5, 2.0, f32::INFINITY] {
            assert_eq!(Threshold::new(bad), None, "{bad}");
        }
        assert_eq!(Threshold::new(0.25).map(Threshold::get), Some(0.25));
    }
}
