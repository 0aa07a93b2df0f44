//! Decides what a segmentation is: probabilities on the model grid, a binary mask on the film's own grid, and the
//! threshold that turns one into the other.

mod bits;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use bits::{Mask, Row};

use crate::geometry::mirrored;

/// The probability of lung at each pixel of the square model grid, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbabilityMap {
    side: u32,
    values: Vec<f32>,
}

impl ProbabilityMap {
    /// A map of `side × side` probabilities, or `None` where `values` is of another length.
    #[must_use]
    pub fn new(side: u32, values: Vec<f32>) -> Option<Self> {
        (values.len() == (side as usize).pow(2)).then_some(Self { side, values })
    }

    /// The side of the square, in model pixels.
    #[must_use]
    pub fn side(&self) -> u32 {
        self.side
    }

    /// The probabilities, row by row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The map with left and right exchanged.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self {
            side: self.side,
            values: mirrored(&self.values, self.side),
        }
    }

    /// The mean of two maps of one side.
    ///
    /// # Panics
    /// Where the sides differ, which is the caller's mistake.
    #[must_use]
    pub fn averaged(&self, other: &Self) -> Self {
        assert_eq!(self.side, other.side, "maps of one side are averaged");
        let pairs = self.values.iter().zip(&other.values);
        Self {
            side: self.side,
            values: pairs.map(|(one, other)| (one + other) * 0.5).collect(),
        }
    }
}

/// The probability from which on a pixel is lung: above 0 and below 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Threshold(f32);

impl Threshold {
    /// The point at which lung is as likely as not.
    pub const HALF: Self = Self(0.5);

    /// A threshold, or `None` for anything not strictly between 0 and 1, NaN included.
    #[must_use]
    pub fn new(value: f32) -> Option<Self> {
        (value > 0.0 && value < 1.0).then_some(Self(value))
    }

    /// The probability.
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
