//! Decides how fast the network learns at each iteration.

use serde::{Deserialize, Serialize};

/// How the learning rate falls once it has risen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// It does not.
    Constant,
    /// `(1 − progress)^0.9`, nearly a straight line to 0.
    Polynomial,
    /// `(1 + cos(π · progress)) / 2` (Loshchilov and Hutter 2017, without restarts).
    Cosine,
}

/// The power of [`Decay::Polynomial`], as the article's contemporaries chose it.
const POWER: f64 = 0.9;

/// When the learning rate rises and how it falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest learning rate.
    pub peak: f64,
    /// Iterations over which the rate rises in a line from almost nothing to the peak.
    pub warmup: u32,
    /// Iterations in all.
    pub iterations: u32,
    /// How it falls from the peak.
    pub decay: Decay,
}

impl Schedule {
    /// The learning rate of an iteration, counted from 0.
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
