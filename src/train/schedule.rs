//! Decides how fast the network learns at each iteration.

/// When the learning rate rises and how it falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest learning rate.
    pub peak: f64,
    /// Iterations over which the rate rises in a line from almost nothing to the peak.
    pub warmup: u32,
    /// Iterations in all; the rate falls to 0 at the last.
    pub iterations: u32,
    /// The power of the fall: 1 is a straight line.
    pub power: f64,
}

impl Schedule {
    /// The learning rate of an iteration, counted from 0: a rise in a line, then `peak · (1 − progress)^power`.
    #[must_use]
    pub fn learning_rate(&self, iteration: u32) -> f64 {
        if iteration < self.warmup {
            return self.peak * f64::from(iteration + 1) / f64::from(self.warmup);
        }
        let falling = f64::from(self.iterations.saturating_sub(self.warmup).max(1));
        let progress = (f64::from(iteration - self.warmup) / falling).min(1.0);
        self.peak * (1.0 - progress).powf(self.power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule { peak: 0.1, warmup: 10, iterations: 100, power: 1.0 };

    #[test]
    fn it_rises_to_the_peak_and_falls_to_nothing() {
        assert!((SCHEDULE.learning_rate(0) - 0.01).abs() < 1e-9);
        assert!((SCHEDULE.learning_rate(9) - 0.1).abs() < 1e-9);
        assert!((SCHEDULE.learning_rate(10) - 0.1).abs() < 1e-9);
        assert!((SCHEDULE.learning_rate(55) - 0.05).abs() < 1e-9);
        assert!(SCHEDULE.learning_rate(100) < 1e-12);
        assert!(SCHEDULE.learning_rate(1000) < 1e-12);
    }

    #[test]
    fn it_has_no_hole_where_everything_is_warm_up() {
        let short = Schedule { warmup: 10, iterations: 5, ..SCHEDULE };
        assert!((0..5).all(|i| short.learning_rate(i) > 0.0));
        assert!(short.learning_rate(10).is_finite());
    }
}
