//! The schedule of the learning rate.

use serde::{Deserialize, Serialize};

/// How the learning rate falls after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// It stays at its peak.
    Constant,
    /// `(1 − progress)^0.9`, nearly a straight line to 0.
    Polynomial,
    /// `(1 + cos(π · progress)) / 2` (Loshchilov and Hutter 2017, without restarts).
    Cosine,
}

impl Decay {
    /// Every way to fall.
    pub const ALL: [Self; 3] = [Self::Constant, Self::Polynomial, Self::Cosine];

    /// Returns the name, as it stands in a manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Polynomial => "polynomial",
            Self::Cosine => "cosine",
        }
    }
}

/// The power of [`Decay::Polynomial`], which is usual since 2016.
const POWER: f64 = 0.9;

/// The schedule of the learning rate: a linear warm-up, then a decay.
///
/// ```
/// use lungfield_training::train::schedule::{Decay, Schedule};
///
/// let schedule = Schedule { peak: 0.1, warmup: 10, iterations: 110, decay: Decay::Cosine };
/// let rates = [0, 9, 60, 110].map(|iteration| schedule.learning_rate(iteration));
/// for (rate, expected) in rates.into_iter().zip([0.01, 0.1, 0.05, 0.0]) {
///     assert!((rate - expected).abs() < 1e-12);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest learning rate.
    pub peak: f64,
    /// The number of iterations over which the rate rises linearly to the peak.
    pub warmup: u32,
    /// The number of iterations of the run.
    pub iterations: u32,
    /// How the rate falls from the peak.
    pub decay: Decay,
}

impl Schedule {
    /// Returns the learning rate of an iteration, counted from 0.
    #[must_use]
    pub fn learning_rate(&self, iteration: u32) -> f64 {
        if iteration < self.warmup {
            return self.peak * f64::from(iteration + 1) / f64::from(self.warmup);
        }
        let falling = f64::from(self.iterations.saturating_sub(self.warmup).max(1));
        let progress = (f64::from(iteration - self.warmup) / falling).min(1.0);
        self.peak
            * match self.decay {
                Decay::Constant => 1.0,
                Decay::Polynomial => (1.0 - progress).powf(POWER),
                Decay::Cosine => f64::midpoint(1.0, (std::f64::consts::PI * progress).cos()),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(decay: Decay) -> Schedule {
        Schedule {
            peak: 0.1,
            warmup: 10,
            iterations: 110,
            decay,
        }
    }

    #[test]
    fn it_rises_to_the_peak_in_a_line() {
        for decay in [Decay::Constant, Decay::Polynomial, Decay::Cosine] {
            assert!((schedule(decay).learning_rate(0) - 0.01).abs() < 1e-9);
            assert!((schedule(decay).learning_rate(9) - 0.1).abs() < 1e-9);
            assert!((schedule(decay).learning_rate(10) - 0.1).abs() < 1e-9);
        }
    }

    #[test]
    fn it_falls_as_its_name_says() {
        let half_way = |decay| schedule(decay).learning_rate(60);
        assert!((half_way(Decay::Constant) - 0.1).abs() < 1e-12);
        assert!((half_way(Decay::Polynomial) - 0.1 * 0.5f64.powf(0.9)).abs() < 1e-12);
        assert!((half_way(Decay::Cosine) - 0.05).abs() < 1e-12);
        for decay in [Decay::Polynomial, Decay::Cosine] {
            assert!(schedule(decay).learning_rate(110) < 1e-12);
            assert!(schedule(decay).learning_rate(1000) < 1e-12);
        }
    }

    #[test]
    fn it_has_no_hole_where_everything_is_warm_up() {
        let short = Schedule {
            iterations: 5,
            ..schedule(Decay::Polynomial)
        };
        assert!((0..5).all(|i| short.learning_rate(i) > 0.0));
        assert!(short.learning_rate(10).is_finite());
    }
}
