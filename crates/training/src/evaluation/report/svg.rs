//! Decides how figures are drawn: as SVG whose colours and fonts the page's style sheet gives, so that they follow it
//! into the dark and onto paper.

use std::fmt::Write;

use super::html::rendered;
use crate::drawing::{Drawing, Text};

/// Width of every figure, in its own units; the page scales it to the width of its column.
pub(super) const WIDTH: f64 = 480.0;

/// A small disc around the origin.
pub(super) const DOT: &str = "M-2.4,0a2.4,2.4 0 1,0 4.8,0a2.4,2.4 0 1,0 -4.8,0z";
/// An arrow whose point is the origin.
pub(super) const ARROW: &str = "M0,0l6,-3.4v6.8z";

/// A drawing of a height as it stands on the page, named and described for who can't see it. `id` is its own on the page.
pub(super) fn placed(
    drawing: &Drawing,
    height: f64,
    [id, title, description]: [&str; 3],
) -> String {
    let (title, description, elements) = (Text(title), Text(description), drawing.elements());
    rendered(|out| {
        write!(
            out,
            r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{id}-title {id}-description">"#
        )?;
        write!(out, r#"<title id="{id}-title">{title}</title>"#)?;
        write!(
            out,
            r#"<desc id="{id}-description">{description}</desc>{elements}</svg>"#
        )
    })
}

/// A disc, a square, a triangle or a diamond around the origin.
pub(super) fn shape(index: usize) -> &'static str {
    [
        "M-3.4,0a3.4,3.4 0 1,0 6.8,0a3.4,3.4 0 1,0 -6.8,0z",
        "M-3,-3h6v6h-6z",
        "M0,-4l3.8,6.8h-7.6z",
        "M0,-4.2l4,4.2l-4,4.2l-4,-4.2z",
    ][index % 4]
}

/// Where the values of an axis lie on the drawing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// The values at both ends.
    pub(super) values: [f64; 2],
    /// Their places on the drawing.
    pub(super) places: [f64; 2],
}

impl Axis {
    /// The place of a value; one beyond the ends is moved to the nearer end.
    pub(super) fn at(self, value: f64) -> f64 {
        let ([low, high], [start, end]) = (self.values, self.places);
        start + (value.clamp(low, high) - low) / (high - low) * (end - start)
    }

    /// The round values along the axis, at most `most` of them but for the ends, and with how many decimal places
    /// they are written.
    pub(super) fn ticks(self, most: usize) -> (Vec<f64>, usize) {
        let [low, high] = self.values;
        let (step, places) = step((high - low) / most.max(1) as f64);
        let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
        let count = (last - first).max(0.0);
        let ticks = std::iter::successors(Some(0.0), |tick| Some(tick + 1.0))
            .take_while(|&tick| tick <= count);
        (ticks.map(|tick| (first + tick) * step).collect(), places)
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below `least`, with the decimal places that it needs.
pub(super) fn step(least: f64) -> (f64, usize) {
    let candidates = (0..=6_i32)
        .rev()
        .flat_map(|places| [1.0, 2.0, 5.0].map(|digit| (digit, places)));
    candidates
        .map(|(digit, places)| {
            (
                digit / 10.0_f64.powi(places),
                places.unsigned_abs() as usize,
            )
        })
        .find(|&(step, _)| step >= least * (1.0 - 1e-9))
        .unwrap_or((10.0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, expected) in [
            (0.003, (0.005, 3)),
            (0.02, (0.02, 2)),
            (0.11, (0.2, 1)),
            (0.6, (1.0, 0)),
        ] {
            let (found, places) = step(least);
            assert!(
                (found - expected.0).abs() < 1e-12 && places == expected.1,
                "{least}: {found} {places}"
            );
        }
    }

    #[test]
    fn an_axis_places_values_and_ticks_between_its_ends() {
        let axis = Axis {
            values: [0.9, 1.0],
            places: [100.0, 0.0],
        };
        assert!((axis.at(0.95) - 50.0).abs() < 1e-9);
        assert!((axis.at(0.5) - 100.0).abs() < 1e-9 && axis.at(2.0).abs() < 1e-9);
        let (ticks, places) = axis.ticks(5);
        let written: Vec<_> = ticks
            .iter()
            .map(|tick| format!("{tick:.places$}"))
            .collect();
        assert_eq!(written, ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]);
    }

    #[test]
    fn a_drawing_says_what_it_is() {
        let placed = placed(&Drawing::new(), 10.0, ["figure", "a < b", "a & b"]);
        assert!(
            placed.contains(r#"<title id="figure-title">a &lt; b</title>"#),
            "{placed}"
        );
        assert!(
            placed.contains(r#"<desc id="figure-description">a &amp; b</desc>"#),
            "{placed}"
        );
    }
}
