//! Reduces and smooths long series of values before they are drawn.

/// A point of a series. A value that is not finite leaves a gap in the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataPoint {
    /// The position along the horizontal axis.
    pub x: f64,
    /// The value.
    pub y: f64,
}

/// Reduces a series to at most `limit` points: the means of equally many neighbours. Values that are not finite do not count.
///
/// ```
/// use lungfield_training::plot::{DataPoint, thinned};
///
/// let series = [1.0, 3.0, 5.0, 7.0].map(|y| DataPoint { x: y, y });
/// let thin = thinned(&series, 2);
/// assert_eq!(thin, [DataPoint { x: 2.0, y: 2.0 }, DataPoint { x: 6.0, y: 6.0 }]);
/// ```
#[must_use]
pub fn thinned(series: &[DataPoint], limit: usize) -> Vec<DataPoint> {
    let neighbours = series.len().div_ceil(limit).max(1);
    let mean_point = |group: &[DataPoint]| DataPoint {
        x: mean(group.iter().map(|point| point.x)),
        y: mean(group.iter().map(|point| point.y)),
    };
    series.chunks(neighbours).map(mean_point).collect()
}

/// Replaces each value by the geometric mean of its neighbourhood, a twentieth of the series, as suits a logarithmic
/// axis. Gaps stay gaps, and a value that is not above 0 becomes one.
///
/// The neighbourhood shrinks towards the beginning, where a loss falls fast. Towards the end it has no later half.
#[must_use]
pub fn smoothed(series: &[DataPoint]) -> Vec<DataPoint> {
    let reach = series.len() / 40;
    let smooth = |(place, point): (usize, &DataPoint)| {
        let first = place - reach.min(place);
        let last = (place + reach.min(place)).min(series.len() - 1);
        let logarithms = series[first..=last].iter().map(|point| logarithm(point.y));
        let y = if logarithm(point.y).is_finite() {
            mean(logarithms).exp()
        } else {
            f64::NAN
        };
        DataPoint { x: point.x, y }
    };
    series.iter().enumerate().map(smooth).collect()
}

fn logarithm(value: f64) -> f64 {
    if value > 0.0 { value.ln() } else { f64::NAN }
}

/// Returns the mean of the finite values; NaN if there are none.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Vec<DataPoint> {
        (1..)
            .zip(values)
            .map(|(x, &y)| DataPoint { x: f64::from(x), y })
            .collect()
    }

    #[test]
    fn a_short_series_is_left_alone() {
        let short = series(&[3.0, 1.0, 2.0]);
        assert_eq!(thinned(&short, 3), short);
        for (smooth, raw) in smoothed(&short).into_iter().zip(short) {
            assert!((smooth.y - raw.y).abs() < 1e-9);
        }
        assert_eq!(thinned(&[], 3), []);
        assert_eq!(smoothed(&[]), []);
    }

    #[test]
    fn a_long_series_keeps_its_means() {
        let long = series(&[1.0, 3.0, f64::NAN, 5.0, f64::NAN, f64::INFINITY, 7.0]);
        let thin = thinned(&long, 4);
        assert_eq!(
            thin[..2],
            [DataPoint { x: 1.5, y: 2.0 }, DataPoint { x: 3.5, y: 5.0 }]
        );
        assert!(
            thin[2].y.is_nan(),
            "a gap as long as its neighbourhood stays one"
        );
        assert_eq!(thin[3], DataPoint { x: 7.0, y: 7.0 });
    }

    #[test]
    fn smoothing_flattens_noise_and_keeps_a_steady_fall() {
        let fall = |i: i32| (-0.02 * f64::from(i)).exp();
        let noisy: Vec<_> = (0..200)
            .map(|i| fall(i) * if i % 2 == 0 { 1.3 } else { 1.0 / 1.3 })
            .collect();
        let smooth = smoothed(&series(&noisy));
        for i in 5..195 {
            let found = smooth[usize::try_from(i).unwrap()].y;
            assert!((found / fall(i) - 1.0).abs() < 0.05, "{found} at {i}");
        }
        assert!(
            (smooth[0].y - noisy[0]).abs() < 1e-9,
            "it begins where the series does"
        );
        assert!(
            (smooth[199].y / noisy[199] - 1.0).abs() > 0.1,
            "the last noise is flattened too"
        );
    }

    #[test]
    fn smoothing_does_not_fill_gaps() {
        let mut values = vec![1.0; 100];
        values[50..75].fill(f64::NAN);
        values[75..].fill(0.0);
        let smooth = smoothed(&series(&values));
        assert!(
            smooth
                .iter()
                .all(|point| point.y.is_finite() == (point.x <= 50.0))
        );
    }
}
