//! Decides which points of a long run a curve shows, and how a noisy one is smoothed.

/// An iteration and a value; a value that is not finite is a hole in the curve.
pub(super) type Point = (f64, f64);

/// At most `limit` points in place of many: the means of equally many neighbours, the finite ones of them.
pub(super) fn thinned(points: &[Point], limit: usize) -> Vec<Point> {
    let neighbours = points.len().div_ceil(limit).max(1);
    let mean_point = |group: &[Point]| {
        (
            mean(group.iter().map(|point| point.0)),
            mean(group.iter().map(|point| point.1)),
        )
    };
    points.chunks(neighbours).map(mean_point).collect()
}

/// Each point with the geometric mean of its neighbourhood, a twentieth of the curve, as suits a logarithmic axis. Holes
/// stay holes, and a value that is not above 0 becomes one.
///
/// The neighbourhood shrinks towards the beginning, where a loss falls fast, and loses its later half towards the end.
pub(super) fn smoothed(points: &[Point]) -> Vec<Point> {
    let reach = points.len() / 40;
    let smooth = |(place, &(iteration, value)): (usize, &Point)| {
        let first = place - reach.min(place);
        let last = (place + reach.min(place)).min(points.len() - 1);
        let logarithms = points[first..=last].iter().map(|point| logarithm(point.1));
        (
            iteration,
            if logarithm(value).is_finite() {
                mean(logarithms).exp()
            } else {
                f64::NAN
            },
        )
    };
    points.iter().enumerate().map(smooth).collect()
}

fn logarithm(value: f64) -> f64 {
    if value > 0.0 { value.ln() } else { f64::NAN }
}

/// The mean of the finite ones of some values; not a number where there are none.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Point> {
        (1..)
            .zip(values)
            .map(|(iteration, &value)| (f64::from(iteration), value))
            .collect()
    }

    #[test]
    fn a_short_curve_is_left_alone() {
        let short = points(&[3.0, 1.0, 2.0]);
        assert_eq!(thinned(&short, 3), short);
        for (smooth, raw) in smoothed(&short).into_iter().zip(short) {
            assert!((smooth.1 - raw.1).abs() < 1e-9);
        }
        assert_eq!(thinned(&[], 3), []);
        assert_eq!(smoothed(&[]), []);
    }

    #[test]
    fn a_long_curve_keeps_its_means() {
        let long = points(&[1.0, 3.0, f64::NAN, 5.0, f64::NAN, f64::INFINITY, 7.0]);
        let thin = thinned(&long, 4);
        assert_eq!(thin[..2], [(1.5, 2.0), (3.5, 5.0)]);
        assert!(
            thin[2].1.is_nan(),
            "a hole as long as its neighbourhood stays one"
        );
        assert_eq!(thin[3], (7.0, 7.0));
    }

    #[test]
    fn smoothing_flattens_noise_and_keeps_a_steady_fall() {
        let fall = |i: i32| (-0.02 * f64::from(i)).exp();
        let noisy: Vec<_> = (0..200)
            .map(|i| fall(i) * if i % 2 == 0 { 1.3 } else { 1.0 / 1.3 })
            .collect();
        let smooth = smoothed(&points(&noisy));
        for i in 5..195 {
            let found = smooth[usize::try_from(i).unwrap()].1;
            assert!((found / fall(i) - 1.0).abs() < 0.05, "{found} at {i}");
        }
        assert!(
            (smooth[0].1 - noisy[0]).abs() < 1e-9,
            "it begins where the curve does"
        );
        assert!(
            (smooth[199].1 / noisy[199] - 1.0).abs() > 0.1,
            "the last noise is flattened too"
        );
    }

    #[test]
    fn smoothing_does_not_fill_holes() {
        let mut values = vec![1.0; 100];
        values[50..75].fill(f64::NAN);
        values[75..].fill(0.0);
        let smooth = smoothed(&points(&values));
        assert!(
            smooth
                .iter()
                .all(|&(iteration, value)| value.is_finite() == (iteration <= 50.0))
        );
    }
}
