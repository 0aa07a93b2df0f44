//! Defines the parameters of the preprocessing.

use serde::{Deserialize, Serialize};

/// The parameters of the preprocessing, as a model's manifest stores them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessOptions {
    /// The side of the square model grid, in pixels.
    pub side: u32,
    /// The percentile of the film's grey values that becomes black.
    pub lower_percentile: f64,
    /// The percentile of the film's grey values that becomes white.
    pub upper_percentile: f64,
    /// The largest distance of a border's grey value from the darkest or the brightest grey value
    /// of the film, as a share of the film's range.
    pub border_tolerance: f64,
}

impl Default for PreprocessOptions {
    fn default() -> Self {
        Self {
            side: 256,
            lower_percentile: 1.0,
            upper_percentile: 99.0,
            border_tolerance: 0.02,
        }
    }
}

impl PreprocessOptions {
    /// Checks the options: a side above 0, percentiles in order, and a tolerance of at least 0 and
    /// below 0.5.
    pub(super) fn check(&self) -> Result<(), InvalidOptions> {
        let percentiles = self.lower_percentile..self.upper_percentile;
        if self.side == 0 {
            return Err(InvalidOptions("the side is 0"));
        }
        if percentiles.is_empty() || percentiles.start < 0.0 || percentiles.end > 100.0 {
            return Err(InvalidOptions(
                "the percentiles are not in order between 0 and 100",
            ));
        }
        if !(0.0..0.5).contains(&self.border_tolerance) {
            return Err(InvalidOptions(
                "the border tolerance is not between 0 and a half",
            ));
        }
        Ok(())
    }
}

/// The error for parameters with which no film can be prepared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the preprocessing is unusable: {0}")]
pub struct InvalidOptions(&'static str);
