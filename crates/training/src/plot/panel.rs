//! A panel of a plot: its axes, its grid and its curves.

use super::scale::{Scale, Tick};
use super::series::DataPoint;
use super::svg::{Anchor, Area, Drawing, Marker, Point, point};

/// The least room between the ticks of a horizontal axis, in pixels.
const TICK_COLUMNS: f64 = 60.0;
/// The least room between the ticks of a vertical axis, in pixels.
const TICK_ROWS: f64 = 30.0;
/// The distance from the middle of a text down to its base line.
const HALF_TEXT: f64 = 4.0;
/// The distance between a tick's label and its axis.
const GAP: f64 = 7.0;
/// The distance from the edge of a panel down to the labels of the ticks below it, and to the label of the axis.
const BELOW: [f64; 2] = [17.0, 35.0];
/// The height of an axis label above a panel.
const ABOVE: f64 = 12.0;
/// How far to the left of a panel the label of its left axis begins.
const LEFT_LABEL: f64 = 42.0;
/// The radius of a ring around a point.
pub(super) const RING: f64 = 5.0;

/// A panel in which curves share a horizontal axis.
#[derive(Debug)]
pub struct Panel<'a> {
    drawing: &'a mut Drawing,
    area: Area,
    x: Scale,
}

impl<'a> Panel<'a> {
    /// Creates an empty panel in an area of the drawing.
    pub fn new(drawing: &'a mut Drawing, area: Area, x: Scale) -> Self {
        Self { drawing, area, x }
    }

    /// Returns the drawing, for marks of other kinds.
    pub fn drawing(&mut self) -> &mut Drawing {
        self.drawing
    }

    /// Draws the vertical lines of the grid.
    pub fn columns(&mut self) {
        for tick in self.x.ticks(TICK_COLUMNS) {
            self.vertical_line(tick.pixel, "grid");
        }
    }

    /// Draws the horizontal axis below the panel, with the labels of its ticks.
    pub fn bottom_axis(&mut self, label: &str) {
        let Area {
            left,
            right,
            bottom,
            ..
        } = self.area;
        for Tick { pixel, label } in self.x.ticks(TICK_COLUMNS) {
            let place = point(pixel, bottom + BELOW[0]);
            self.drawing.text(place, Anchor::Middle, "tick", label);
        }
        self.base_line();
        let place = point(f64::midpoint(left, right), bottom + BELOW[1]);
        self.drawing.text(place, Anchor::Middle, "label", label);
    }

    /// Draws the line at the bottom of the panel.
    pub fn base_line(&mut self) {
        let Area {
            left,
            right,
            bottom,
            ..
        } = self.area;
        self.drawing
            .line(point(left, bottom), point(right, bottom), "axis");
    }

    /// Draws the axis at the left, with its label above it and the horizontal lines of the grid.
    pub fn left_axis(&mut self, y: &Scale, label: &str) {
        let Area { left, right, .. } = self.area;
        for Tick { pixel, label } in y.ticks(TICK_ROWS) {
            self.drawing
                .line(point(left, pixel), point(right, pixel), "grid");
            let place = point(left - GAP, pixel + HALF_TEXT);
            self.drawing.text(place, Anchor::End, "tick", label);
        }
        self.title(label);
    }

    /// Writes a heading at the left edge of the panel, with its base line at `y`.
    pub fn heading(&mut self, y: f64, text: &str) {
        let place = point(self.area.left - LEFT_LABEL, y);
        self.drawing.text(place, Anchor::Start, "title", text);
    }

    /// Writes a label above the panel, at its left.
    pub fn title(&mut self, label: &str) {
        let place = point(self.area.left - LEFT_LABEL, self.area.top - ABOVE);
        self.drawing.text(place, Anchor::Start, "label", label);
    }

    /// Draws the axis at the right, with its label above it.
    pub fn right_axis(&mut self, y: &Scale, label: &str) {
        let Area { right, top, .. } = self.area;
        for Tick { pixel, label } in y.ticks(TICK_ROWS) {
            let place = point(right + GAP, pixel + HALF_TEXT);
            self.drawing.text(place, Anchor::Start, "tick", label);
        }
        let place = point(right, top - ABOVE);
        self.drawing.text(place, Anchor::End, "label", label);
    }

    /// Draws a curve, with gaps where a point has no place.
    pub fn curve(&mut self, series: &[DataPoint], y: &Scale, class: &str) {
        let places: Vec<_> = series.iter().map(|point| self.place(*point, y)).collect();
        for piece in places.split(Option::is_none) {
            let piece: Vec<Point> = piece.iter().copied().flatten().collect();
            self.drawing.curve(&piece, &format!("curve {class}"));
        }
    }

    /// Draws a mark at each point that has a place.
    pub fn marks(&mut self, series: &[DataPoint], y: &Scale, marker: Marker, class: &str) {
        for data_point in series {
            if let Some(place) = self.place(*data_point, y) {
                self.drawing.mark(place, marker, &format!("mark {class}"));
            }
        }
    }

    /// Draws a ring around a point.
    pub fn ring(&mut self, data_point: DataPoint, y: &Scale) {
        if let Some(place) = self.place(data_point, y) {
            self.drawing.circle(place, RING, "ring");
        }
    }

    /// Marks a value of the horizontal axis by a line from top to bottom.
    pub fn rule(&mut self, x: f64, class: &str) {
        if let Some(pixel) = self.x.pixel(x) {
            self.vertical_line(pixel, class);
        }
    }

    /// Writes a note in the middle of the panel, at a share of its height from the bottom.
    pub fn note(&mut self, height: f64, class: &str, text: &str) {
        let Area {
            left,
            right,
            top,
            bottom,
        } = self.area;
        let place = point(f64::midpoint(left, right), bottom + (top - bottom) * height);
        self.drawing.text(place, Anchor::Middle, class, text);
    }

    fn vertical_line(&mut self, pixel: f64, class: &str) {
        let Area { top, bottom, .. } = self.area;
        self.drawing
            .line(point(pixel, bottom), point(pixel, top), class);
    }

    fn place(&self, data_point: DataPoint, y: &Scale) -> Option<Point> {
        Some(point(self.x.pixel(data_point.x)?, y.pixel(data_point.y)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scale::Pixels;
    use super::*;

    const AREA: Area = Area {
        left: 64.0,
        right: 704.0,
        top: 0.0,
        bottom: 100.0,
    };

    fn drawn(fill: impl FnOnce(&mut Panel<'_>, &Scale)) -> String {
        let across = Pixels {
            start: AREA.left,
            end: AREA.right,
        };
        let up = Pixels {
            start: AREA.bottom,
            end: AREA.top,
        };
        let mut drawing = Drawing::new();
        let mut panel = Panel::new(&mut drawing, AREA, Scale::linear(0.0, 100.0, across));
        fill(&mut panel, &Scale::linear(0.0, 1.0, up));
        drawing.elements().to_owned()
    }

    #[test]
    fn a_gap_parts_a_curve() {
        let values = [1.0, 0.5, f64::NAN, 0.5, 0.0];
        let series: Vec<_> = (0..5u8)
            .zip(values)
            .map(|(place, y)| DataPoint {
                x: 25.0 * f64::from(place),
                y,
            })
            .collect();
        let svg = drawn(|panel, y| panel.curve(&series, y, "loss"));
        assert!(svg.contains("points=\"64.0,0.0 224.0,50.0\""), "{svg}");
        assert!(svg.contains("points=\"544.0,50.0 704.0,100.0\""), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 2);
    }

    #[test]
    fn axes_have_labels_and_a_grid() {
        let svg = drawn(|panel, y| {
            panel.columns();
            panel.bottom_axis("iteration");
            panel.left_axis(y, "loss");
            panel.right_axis(y, "rate");
        });
        for label in [">iteration<", ">loss<", ">rate<", ">100<", ">0.5<"] {
            assert!(svg.contains(label), "{label}: {svg}");
        }
        let grid = svg.matches("class=\"grid\"").count();
        assert!(grid >= 6, "{svg}");
    }

    #[test]
    fn what_has_no_place_is_not_drawn() {
        let nowhere = DataPoint {
            x: 1.0,
            y: f64::NAN,
        };
        let svg = drawn(|panel, y| {
            panel.ring(nowhere, y);
            panel.rule(f64::INFINITY, "rule");
            panel.marks(&[nowhere], y, Marker::Dot, "s0");
        });
        assert_eq!(svg, "");
    }
}
