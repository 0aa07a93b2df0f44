//! Statistics of numbers: mean, deviation, median, range, and a confidence interval of the mean.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Serialize;

use lungfield_radiograph::surface::quantile;

/// The number of resamples of the bootstrap.
pub const RESAMPLES: usize = 2000;
/// The confidence level of an interval.
pub const CONFIDENCE: f64 = 0.95;
/// The seed of the bootstrap. It is fixed, so the same numbers always have the same interval.
const SEED: [u8; 32] = [0x1f; 32];

/// A confidence interval of a mean, at the level [`CONFIDENCE`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

/// The statistics of some numbers; at least one.
///
/// ```
/// use lungfield_training::evaluation::statistics::Statistics;
///
/// let statistics = Statistics::of(&[vec![0.95, 0.97], vec![0.96]]).expect("there are three numbers");
/// assert!((statistics.mean - 0.96).abs() < 1e-12);
/// assert_eq!((statistics.count, statistics.median), (3, 0.96));
/// assert!(statistics.interval.lower <= 0.96 && 0.96 <= statistics.interval.upper);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// The number of numbers.
    pub count: usize,
    /// The mean.
    pub mean: f64,
    /// The confidence interval of the mean.
    pub interval: Interval,
    /// The median.
    pub median: f64,
    /// The lowest.
    pub minimum: f64,
    /// The highest.
    pub maximum: f64,
    /// The standard deviation of the sample (with n − 1); 0 for a single number.
    pub deviation: f64,
}

impl Statistics {
    /// Computes the statistics of the numbers of all `strata` together. Returns `None` if there is no number.
    ///
    /// The interval is a percentile bootstrap (Efron 1979) of [`RESAMPLES`] resamples. Each resample draws from every
    /// stratum as many numbers as the stratum has, so the shares of the strata stay the same.
    #[must_use]
    pub fn of(strata: &[Vec<f64>]) -> Option<Self> {
        let mut sorted = strata.concat();
        sorted.sort_unstable_by(f64::total_cmp);
        let (minimum, maximum) = (*sorted.first()?, *sorted.last()?);
        let mean = mean(&sorted);
        let squares: f64 = sorted.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            count: sorted.len(),
            mean,
            interval: bootstrap(strata, sorted.len()),
            median: quantile(&sorted, 0.5),
            minimum,
            maximum,
            deviation: (squares / (sorted.len() as f64 - 1.0).max(1.0)).sqrt(),
        })
    }
}

/// Returns the mean of some numbers; 0 if there are none.
#[must_use]
pub fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}

/// Computes the percentile bootstrap interval of the mean.
fn bootstrap(strata: &[Vec<f64>], count: usize) -> Interval {
    let mut rng = ChaCha8Rng::from_seed(SEED);
    let mut resample = || {
        strata
            .iter()
            .map(|stratum| resampled_sum(stratum, &mut rng))
            .sum::<f64>()
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resample() / count as f64).collect();
    means.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Interval {
        lower: quantile(&means, tail),
        upper: quantile(&means, 1.0 - tail),
    }
}

/// Draws as many values as there are, with replacement, and returns their sum.
fn resampled_sum(values: &[f64], rng: &mut ChaCha8Rng) -> f64 {
    values
        .iter()
        .map(|_| values[draw_index(values.len(), rng)])
        .sum()
}

/// Draws an index below `length`. It is implemented here, since the method of a library may change with its version. The
/// probabilities of two indices differ by less than `length / 2³²`.
fn draw_index(length: usize, rng: &mut ChaCha8Rng) -> usize {
    let index = (u64::from(rng.next_u32()) * length as u64) >> 32;
    usize::try_from(index).expect("an index below a length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statistics(values: &[f64]) -> Statistics {
        Statistics::of(&[values.to_vec()]).expect("a test has numbers")
    }

    #[test]
    fn the_formulas_hold() {
        let found = statistics(&[4.0, 1.0, 2.0, 9.0]);
        assert_eq!(found.count, 4);
        for (found, expected) in [
            (found.mean, 4.0),
            (found.median, 3.0),
            (found.minimum, 1.0),
            (found.maximum, 9.0),
            (found.deviation, (38.0_f64 / 3.0).sqrt()),
        ] {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn a_single_number_is_sure_of_itself() {
        let found = statistics(&[0.5]);
        assert!(found.deviation.abs() < 1e-12);
        assert!((found.interval.upper - found.interval.lower).abs() < 1e-12);
    }

    #[test]
    fn nothing_has_no_statistics() {
        assert_eq!(Statistics::of(&[]), None);
        assert_eq!(Statistics::of(&[Vec::new()]), None);
    }

    #[test]
    fn an_interval_is_as_wide_as_the_normal_approximation_says() {
        let values: Vec<f64> = (0..400).map(|index| f64::from(index) / 400.0).collect();
        let Statistics {
            deviation,
            interval,
            ..
        } = statistics(&values);
        let normal = 2.0 * 1.96 * deviation / 400.0_f64.sqrt();
        let width = interval.upper - interval.lower;
        assert!((width / normal - 1.0).abs() < 0.1, "{width} {normal}");
    }

    #[test]
    fn strata_keep_their_shares() {
        // Within a stratum all are equal, so every resample has the same mean.
        let found = Statistics::of(&[vec![1.0; 10], vec![3.0; 30]]).unwrap();
        assert!((found.interval.upper - found.interval.lower).abs() < 1e-12);
        let mixed = statistics(&[vec![1.0; 10], vec![3.0; 30]].concat());
        assert!(mixed.interval.upper - mixed.interval.lower > 0.3);
    }

    proptest! {
        #[test]
        fn an_interval_holds_the_mean_and_is_the_same_every_time(
            values in prop::collection::vec(0.0..1.0_f64, 1..60),
        ) {
            let found = statistics(&values);
            prop_assert!(found.interval.lower <= found.mean + 1e-12);
            prop_assert!(found.interval.upper >= found.mean - 1e-12);
            prop_assert!(found.minimum <= found.median && found.median <= found.maximum);
            prop_assert_eq!(found, statistics(&values));
        }
    }
}
