//! Decides how one panel of the curves is laid out: its grid and axes, its curves, its legend.

use std::ops::Range;

use super::axis::{Axis, grouped, label, rounded};
use super::series::Point;
use crate::drawing::{Anchor, Drawing, Place};

/// The panels' left and right edges; a second axis and the legend stand to the right.
pub(super) const COLUMNS: Range<f64> = 64.0..704.0;
/// From the legend's samples of the lines to the end of its values.
const LEGEND: Range<f64> = 770.0..948.0;
const LEGEND_STEP: f64 = 20.0;
/// The lines that a legend has room for.
const LEGEND_LINES: usize = 11;
/// The characters of a name that a legend has room for.
const NAME_LENGTH: usize = 15;
/// What brings the foot of a text down to where its middle was.
const HALF_TEXT: f64 = 4.0;
/// The radius of a ring around a value.
const RING: f64 = 5.0;

/// A panel in the making.
#[derive(Debug)]
pub(super) struct Panel<'a> {
    drawing: &'a mut Drawing,
    iterations: &'a Axis,
    /// From its foot to its head, in pixels.
    rows: Range<f64>,
    legend: Vec<LegendLine>,
}

#[derive(Debug)]
struct LegendLine {
    class: String,
    name: String,
    value: String,
}

impl<'a> Panel<'a> {
    /// An empty panel under its name.
    pub(super) fn new(
        drawing: &'a mut Drawing,
        iterations: &'a Axis,
        rows: Range<f64>,
        name: &str,
    ) -> Self {
        for tick in iterations.ticks() {
            if let Some(x) = iterations.pixel(tick) {
                drawing.line([x, rows.start], [x, rows.end], "grid");
            }
        }
        drawing.text(
            [COLUMNS.start, rows.end - 8.0],
            Anchor::Start,
            "muted",
            name,
        );
        Self {
            drawing,
            iterations,
            rows,
            legend: Vec::new(),
        }
    }

    /// Writes the iterations below.
    pub(super) fn iterations(&mut self) {
        let foot = self.rows.start + 18.0;
        for tick in self.iterations.ticks() {
            if let Some(x) = self.iterations.pixel(tick) {
                self.drawing
                    .text([x, foot], Anchor::Middle, "muted", grouped(tick));
            }
        }
        let middle = f64::midpoint(COLUMNS.start, COLUMNS.end);
        self.drawing
            .text([middle, foot + 20.0], Anchor::Middle, "muted", "iteration");
    }

    /// Draws the axis on the left, and the grid that belongs to it.
    pub(super) fn left_axis(&mut self, axis: &Axis) {
        for (tick, y) in ticks(axis) {
            self.drawing
                .line([COLUMNS.start, y], [COLUMNS.end, y], "grid");
            self.drawing.text(
                [COLUMNS.start - 8.0, y + HALF_TEXT],
                Anchor::End,
                "muted",
                label(tick),
            );
        }
    }

    /// Draws an axis on the right, under the name of what it measures.
    pub(super) fn right_axis(&mut self, axis: &Axis, name: &str) {
        for (tick, y) in ticks(axis) {
            self.drawing.text(
                [COLUMNS.end + 8.0, y + HALF_TEXT],
                Anchor::Start,
                "muted",
                label(tick),
            );
        }
        self.drawing.text(
            [COLUMNS.end, self.rows.end - 8.0],
            Anchor::End,
            "muted",
            name,
        );
    }

    /// Draws a curve, which goes before all that was drawn earlier. The legend gives its last value that is finite.
    pub(super) fn curve(&mut self, class: &str, name: &str, points: &[Point], axis: &Axis) {
        let places: Vec<_> = points
            .iter()
            .map(|(iteration, value)| self.place(*iteration, *value, axis))
            .collect();
        for piece in places.split(Option::is_none) {
            let piece: Vec<Place> = piece.iter().copied().flatten().collect();
            self.drawing.curve(&piece, &format!("curve {class}"));
        }
        if let Some((_, value)) = points.iter().rev().find(|(_, value)| value.is_finite()) {
            self.explain(class, name, *value);
        }
    }

    /// Adds a line to the legend.
    pub(super) fn explain(&mut self, class: &str, name: &str, value: f64) {
        let line = LegendLine {
            class: class.to_owned(),
            name: shortened(name),
            value: rounded(value),
        };
        self.legend.push(line);
    }

    /// Marks an iteration from head to foot.
    pub(super) fn mark(&mut self, iteration: u32) {
        if let Some(x) = self.iterations.pixel(f64::from(iteration)) {
            self.drawing
                .line([x, self.rows.start], [x, self.rows.end], "reached");
        }
    }

    /// Puts a ring around a value.
    pub(super) fn ring(&mut self, class: &str, (iteration, value): Point, axis: &Axis) {
        if let Some(place) = self.place(iteration, value, axis) {
            self.drawing.circle(place, RING, class);
        }
    }

    /// Writes across the panel, at a share of its height from the foot.
    pub(super) fn say(&mut self, class: &str, height: f64, text: &str) {
        let y = self.rows.start + (self.rows.end - self.rows.start) * height;
        self.drawing.text(
            [f64::midpoint(COLUMNS.start, COLUMNS.end), y],
            Anchor::Middle,
            class,
            text,
        );
    }

    /// Draws the frame and the legend.
    pub(super) fn finish(self) {
        let (foot, head) = (self.rows.start, self.rows.end);
        self.drawing
            .line([COLUMNS.start, foot], [COLUMNS.start, head], "frame");
        self.drawing
            .line([COLUMNS.start, foot], [COLUMNS.end, foot], "frame");
        let room = if self.legend.len() > LEGEND_LINES {
            LEGEND_LINES - 1
        } else {
            LEGEND_LINES
        };
        let mut y = head + HALF_TEXT;
        for line in self.legend.iter().take(room) {
            let (start, middle) = (LEGEND.start, y - HALF_TEXT);
            match line.class.as_str() {
                ring @ "best" => self.drawing.circle([start + 12.0, middle], RING, ring),
                class => {
                    let sample = [[start, middle], [start + 26.0, middle]];
                    self.drawing.curve(&sample, &format!("curve {class}"));
                }
            }
            self.drawing
                .text([start + 34.0, y], Anchor::Start, "", &line.name);
            self.drawing
                .text([LEGEND.end, y], Anchor::End, "muted", &line.value);
            y += LEGEND_STEP;
        }
        let left_out = self.legend.len().saturating_sub(room);
        if left_out > 0 {
            let text = format!("and {left_out} more");
            self.drawing
                .text([LEGEND.start + 34.0, y], Anchor::Start, "muted", &text);
        }
    }

    fn place(&self, iteration: f64, value: f64, axis: &Axis) -> Option<Place> {
        Some([self.iterations.pixel(iteration)?, axis.pixel(value)?])
    }
}

/// The ticks of an axis, each with its pixel.
fn ticks(axis: &Axis) -> impl Iterator<Item = (f64, f64)> {
    axis.ticks()
        .into_iter()
        .filter_map(|tick| Some((tick, axis.pixel(tick)?)))
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_LENGTH {
        return name.to_owned();
    }
    name.chars().take(NAME_LENGTH - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(fill: impl FnOnce(&mut Panel<'_>)) -> String {
        let iterations = Axis::from_zero(100.0, COLUMNS);
        let mut drawing = Drawing::new();
        let mut panel = Panel::new(&mut drawing, &iterations, 100.0..0.0, "values");
        fill(&mut panel);
        panel.finish();
        drawing.elements().to_owned()
    }

    #[test]
    fn a_hole_parts_a_curve() {
        let points = [
            (0.0, 1.0),
            (25.0, 0.5),
            (50.0, f64::NAN),
            (75.0, 0.5),
            (100.0, 0.0),
        ];
        let axis = Axis::from_zero(1.0, 100.0..0.0);
        let svg = drawn(|panel| panel.curve("loss", "loss", &points, &axis));
        assert!(svg.contains("points=\"64.0,0.0 224.0,50.0\""), "{svg}");
        assert!(svg.contains("points=\"544.0,50.0 704.0,100.0\""), "{svg}");
        assert_eq!(
            svg.matches("<polyline").count(),
            3,
            "two pieces and the sample in the legend"
        );
    }

    #[test]
    fn a_legend_keeps_to_its_room() {
        let axis = Axis::from_zero(1.0, 100.0..0.0);
        let lines = |count: u8| {
            drawn(|panel| {
                for _ in 0..count {
                    panel.curve("loss", "a name that is too long", &[(1.0, 0.5)], &axis);
                }
            })
        };
        assert_eq!(lines(11).matches(">a name that is…<").count(), 11);
        assert!(!lines(11).contains(" more"));
        assert_eq!(lines(30).matches(">a name that is…<").count(), 10);
        assert!(lines(30).contains("and 20 more"));
    }
}
