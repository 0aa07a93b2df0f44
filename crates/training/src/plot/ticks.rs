//! Round values for the ticks of an axis, and how numbers are written on a plot.

/// A round distance between the ticks of an axis: 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    digit: f64,
    exponent: i32,
}

impl Step {
    /// Returns the smallest step that is at least `least`, which is above 0.
    ///
    /// ```
    /// use lungfield_training::plot::Step;
    ///
    /// let step = Step::at_least(0.03);
    /// assert_eq!((step.size(), step.places()), (0.05, 2));
    /// ```
    #[must_use]
    pub fn at_least(least: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the exponents of 64-bit numbers are below 400"
        )]
        let exponent = least.log10().floor() as i32;
        let candidates = [
            Self::new(1.0, exponent),
            Self::new(2.0, exponent),
            Self::new(5.0, exponent),
        ];
        candidates
            .into_iter()
            .find(|step| step.size() >= least * (1.0 - 1e-9))
            .unwrap_or(Self::new(1.0, exponent + 1))
    }

    fn new(digit: f64, exponent: i32) -> Self {
        Self { digit, exponent }
    }

    /// Returns the size of the step.
    #[must_use]
    pub fn size(self) -> f64 {
        self.multiple(1.0)
    }

    /// Returns the number of decimal places that multiples of the step need.
    #[must_use]
    pub fn places(self) -> usize {
        self.exponent.min(0).unsigned_abs() as usize
    }

    /// Returns a multiple of the step, without the error of a sum of steps.
    pub(super) fn multiple(self, count: f64) -> f64 {
        let power = 10f64.powi(self.exponent.abs());
        if self.exponent < 0 {
            count * self.digit / power
        } else {
            count * self.digit * power
        }
    }

    /// Writes a multiple of the step.
    pub(super) fn label(self, value: f64) -> String {
        match self.places() {
            0 => grouped(value),
            places @ 1..=6 => format!("{value:.places$}"),
            _ => format!("{value:e}"),
        }
    }
}

/// Writes a number with the decimal places that it needs, and at most six.
pub(super) fn short(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e7).contains(&value.abs()) {
        return format!("{value:e}");
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writes a number with about four digits.
///
/// ```
/// use lungfield_training::plot::rounded;
///
/// assert_eq!([0.962_44, 2e-5].map(rounded), ["0.9624", "2.0e-5"]);
/// ```
#[must_use]
pub fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || (1e-3..1e5).contains(&value.abs()) {
        return format!("{value:.4}");
    }
    format!("{value:.1e}")
}

/// Writes a whole number with its thousands separated.
///
/// ```
/// use lungfield_training::plot::grouped;
///
/// assert_eq!([999.0, 12_600.0].map(grouped), ["999", "12,600"]);
/// ```
#[must_use]
pub fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy)
        .collect();
    let sign = if number < 0.0 && digits != "0" {
        "-"
    } else {
        ""
    };
    format!("{sign}{}", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, expected, places) in [
            (0.003, 0.005, 3),
            (0.02, 0.02, 2),
            (0.11, 0.2, 1),
            (0.6, 1.0, 0),
            (26.0, 50.0, 0),
            (3e-7, 5e-7, 7),
        ] {
            let step = Step::at_least(least);
            assert!(
                (step.size() / expected - 1.0).abs() < 1e-12 && step.places() == places,
                "{least}: {step:?}"
            );
        }
    }

    #[test]
    fn numbers_are_written_short() {
        assert_eq!(
            [0.0, 0.1 + 0.2, 5e-4, 2e-5, 100.0].map(short),
            ["0", "0.3", "0.0005", "2e-5", "100"]
        );
        assert_eq!(
            [0.0, 0.96244, 2e-5, 1e200].map(rounded),
            ["0.0000", "0.9624", "2.0e-5", "1.0e200"]
        );
        assert_eq!([f64::NAN, f64::INFINITY].map(rounded), ["NaN", "inf"]);
        assert_eq!(
            [0.0, 999.0, -1000.0, 1_234_567.0].map(grouped),
            ["0", "999", "-1,000", "1,234,567"]
        );
        assert_eq!(Step::at_least(4e-8).label(1.5e-7), "1.5e-7");
    }
}
