//! Decides how figures are drawn: as SVG whose colours and fonts the page's style sheet gives, so that they follow it
//! into the dark and onto paper.

use std::fmt::{self, Display, Write};

use super::html::{Text, rendered};

/// Width of every figure, in its own units; the page scales it to the width of its column.
pub(super) const WIDTH: f64 = 480.0;

/// A small disc around the origin.
pub(super) const DOT: &str = "M-2.4,0a2.4,2.4 0 1,0 4.8,0a2.4,2.4 0 1,0 -4.8,0z";
/// An arrow whose point is the origin.
pub(super) const ARROW: &str = "M0,0l6,-3.4v6.8z";

/// Which part of a text its position says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// A drawing in the making. Positions count from its upper left corner; classes are those of the style sheet.
#[derive(Debug)]
pub(super) struct Svg {
    height: f64,
    body: String,
}

impl Svg {
    /// An empty drawing.
    pub(super) fn new(height: f64) -> Self {
        Self { height, body: String::new() }
    }

    /// A straight line from one position to another.
    pub(super) fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], class: &str) {
        self.add(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        ));
    }

    /// A rectangle with its upper left corner, its width and its height.
    pub(super) fn rectangle(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], class: &str) {
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="{class}"/>"#
        ));
    }

    /// A line through some positions.
    pub(super) fn curve(&mut self, points: &[[f64; 2]], class: &str) {
        let points: Vec<_> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        self.add(format_args!(r#"<polyline points="{}" class="{class}"/>"#, points.join(" ")));
    }

    /// A mark of the shape that belongs to the `index`th source.
    pub(super) fn mark(&mut self, [x, y]: [f64; 2], index: usize, class: &str) {
        self.add(format_args!(
            r#"<path transform="translate({x:.1} {y:.1})" d="{}" class="{class}"/>"#,
            shape(index)
        ));
    }

    /// A mark of any shape that says what it is when it is pointed at.
    pub(super) fn pointed_out(&mut self, [x, y]: [f64; 2], shape: &str, class: &str, tip: impl Display) {
        let tip = Text(tip);
        self.add(format_args!(
            r#"<path transform="translate({x:.1} {y:.1})" d="{shape}" class="{class}"><title>{tip}</title></path>"#
        ));
    }

    /// A text on the base line of its position.
    pub(super) fn text(&mut self, [x, y]: [f64; 2], anchor: Anchor, class: &str, text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = Text(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#
        ));
    }

    /// The drawing, named and described for who can't see it. `id` is its own on the page.
    pub(super) fn finish(self, id: &str, title: &str, description: &str) -> String {
        let Self { height, body } = self;
        let (title, description) = (Text(title), Text(description));
        rendered(|out| {
            write!(
                out,
                r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{id}-title {id}-description">"#
            )?;
            write!(out, r#"<title id="{id}-title">{title}</title>"#)?;
            write!(out, r#"<desc id="{id}-description">{description}</desc>{body}</svg>"#)
        })
    }

    fn add(&mut self, element: fmt::Arguments<'_>) {
        self.body.write_fmt(element).expect("memory takes every character");
    }
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
        let ticks =
            std::iter::successors(Some(0.0), |tick| Some(tick + 1.0)).take_while(|&tick| tick <= count);
        (ticks.map(|tick| (first + tick) * step).collect(), places)
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below `least`, with the decimal places that it needs.
pub(super) fn step(least: f64) -> (f64, usize) {
    let candidates = (0..=6_i32).rev().flat_map(|places| [1.0, 2.0, 5.0].map(|digit| (digit, places)));
    candidates
        .map(|(digit, places)| (digit / 10.0_f64.powi(places), places.unsigned_abs() as usize))
        .find(|&(step, _)| step >= least * (1.0 - 1e-9))
        .unwrap_or((10.0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, expected) in [(0.003, (0.005, 3)), (0.02, (0.02, 2)), (0.11, (0.2, 1)), (0.6, (1.0, 0))] {
            let (found, places) = step(least);
            assert!((found - expected.0).abs() < 1e-12 && places == expected.1, "{least}: {found} {places}");
        }
    }

    #[test]
    fn an_axis_places_values_and_ticks_between_its_ends() {
        let axis = Axis { values: [0.9, 1.0], places: [100.0, 0.0] };
        assert!((axis.at(0.95) - 50.0).abs() < 1e-9);
        assert!((axis.at(0.5) - 100.0).abs() < 1e-9 && axis.at(2.0).abs() < 1e-9);
        let (ticks, places) = axis.ticks(5);
        let written: Vec<_> = ticks.iter().map(|tick| format!("{tick:.places$}")).collect();
        assert_eq!(written, ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]);
    }

    #[test]
    fn texts_are_escaped() {
        let mut svg = Svg::new(10.0);
        svg.text([0.0, 0.0], Anchor::Start, "label", "<&>");
        svg.pointed_out([0.0, 0.0], DOT, "film", "\"<");
        let drawn = svg.finish("figure", "a < b", "a & b");
        for expected in ["&lt;&amp;&gt;", "&quot;&lt;", "a &lt; b", "a &amp; b"] {
            assert!(drawn.contains(expected), "{drawn}");
        }
    }
}
