//! The plotting kit: SVG drawings with axes, curves and legends, for the curves of a training run and for the figures of
//! a report.
//!
//! A plot is drawn onto a [`Drawing`]. A [`Scale`] maps values to pixels; a [`Panel`] draws axes, grid and curves.
//!
//! ```
//! use lungfield_training::plot::{Area, Drawing, Panel, Pixels, DataPoint, Scale, Spacing};
//!
//! let losses = [0.9, 0.4, 0.2, 0.15];
//! let series: Vec<_> = (0..4u8).zip(losses).map(|(x, y)| DataPoint { x: x.into(), y }).collect();
//!
//! let area = Area { left: 60.0, right: 360.0, top: 30.0, bottom: 200.0 };
//! let x = Scale::linear(0.0, 3.0, Pixels { start: area.left, end: area.right });
//! let up = Pixels { start: area.bottom, end: area.top };
//! let y = Scale::around(Spacing::Logarithmic, losses.into_iter(), up).expect("losses are above 0");
//!
//! let mut drawing = Drawing::new();
//! let mut panel = Panel::new(&mut drawing, area, x);
//! panel.columns();
//! panel.left_axis(&y, "loss");
//! panel.bottom_axis("epoch");
//! panel.curve(&series, &y, "s0");
//! let svg = drawing.document(380.0, 250.0, "The loss of four epochs");
//! assert!(svg.contains("<polyline"));
//! ```

mod legend;
mod panel;
mod scale;
mod series;
mod svg;
mod ticks;

pub use self::legend::{LegendEntry, Symbol, draw_legend, legend_list};
pub use self::panel::Panel;
pub use self::scale::{Pixels, Scale, Spacing, Tick};
pub use self::series::{DataPoint, smoothed, thinned};
pub use self::svg::{Anchor, Area, Caption, Drawing, Marker, Point, STYLE, point};
pub use self::ticks::{Step, grouped, rounded};

/// The number of classes `s0`, `s1` and so on that give curves different colours and dashes.
pub const SERIES_CLASSES: usize = 6;

/// Returns the class of the series with the given index. After six series the classes repeat.
#[must_use]
pub fn series_class(index: usize) -> String {
    format!("s{}", index % SERIES_CLASSES)
}

/// Returns the marker of the series with the given index. After four series the markers repeat.
#[must_use]
pub fn series_marker(index: usize) -> Marker {
    [
        Marker::Disc,
        Marker::Square,
        Marker::Triangle,
        Marker::Diamond,
    ][index % 4]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_class_has_a_colour_by_day_and_by_night() {
        for index in 0..SERIES_CLASSES {
            let rule = format!("svg .{} {{ color: #", series_class(index));
            assert!(STYLE.matches(&rule).count() >= 2, "{rule}");
        }
        assert!(!STYLE.contains(&format!(".s{SERIES_CLASSES}")));
    }
}
