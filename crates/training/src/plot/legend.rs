//! The legend of a plot, drawn beside it or written below it on a page.

use maud::{Markup, PreEscaped, html};

use super::panel::RING;
use super::svg::{Anchor, Area, Drawing, Marker, Point, point};

/// The height of a line of a legend.
const LINE: f64 = 20.0;
/// The width of a piece of a curve.
const SYMBOL: f64 = 28.0;
/// The distance from a symbol to its name.
const GAP: f64 = 8.0;
/// The distance from the middle of a text down to its base line.
const HALF_TEXT: f64 = 4.0;
/// The longest name, in characters.
const LONGEST_NAME: usize = 15;

/// What a legend shows beside a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// A piece of the curves of a class.
    Curve(String),
    /// A piece of the curves of a class, with its marker.
    MarkedCurve(String, Marker),
    /// A straight line of a class.
    Line(String),
    /// A mark of a class.
    Mark(String, Marker),
    /// A ring.
    Ring,
}

/// A line of a legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegendEntry {
    /// The symbol beside the name.
    pub symbol: Symbol,
    /// The name.
    pub name: String,
    /// The value beside the name; empty for none.
    pub value: String,
}

impl Symbol {
    /// Draws the symbol around a point.
    fn draw(&self, drawing: &mut Drawing, center: Point) {
        let (start, end) = (
            point(center.x - SYMBOL / 2.0, center.y),
            point(center.x + SYMBOL / 2.0, center.y),
        );
        match self {
            Self::Curve(class) => drawing.curve(&[start, end], &format!("curve {class}")),
            Self::MarkedCurve(class, marker) => {
                drawing.curve(&[start, end], &format!("curve {class}"));
                drawing.mark(center, *marker, &format!("mark {class}"));
            }
            Self::Line(class) => drawing.line(start, end, class),
            Self::Mark(class, marker) => drawing.mark(center, *marker, class),
            Self::Ring => drawing.circle(center, RING, "ring"),
        }
    }
}

/// Draws a legend in an area beside a panel. If the area is too low, the last line counts the entries left out.
pub fn draw_legend(drawing: &mut Drawing, area: Area, entries: &[LegendEntry]) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of lines, from 1 on"
    )]
    let lines = ((area.bottom - area.top) / LINE).max(1.0) as usize;
    let shown = if entries.len() > lines {
        lines - 1
    } else {
        entries.len()
    };
    let names = area.left + SYMBOL + GAP;
    let mut y = area.top + HALF_TEXT;
    for entry in &entries[..shown] {
        let center = point(area.left + SYMBOL / 2.0, y - HALF_TEXT);
        entry.symbol.draw(drawing, center);
        let name = shortened(&entry.name);
        drawing.text(point(names, y), Anchor::Start, "entry", name);
        drawing.text(point(area.right, y), Anchor::End, "value", &entry.value);
        y += LINE;
    }
    let left_out = entries.len() - shown;
    if left_out > 0 {
        let text = format!("and {left_out} more");
        drawing.text(point(names, y), Anchor::Start, "value", text);
    }
}

/// Returns a legend as a list of a page.
#[must_use]
pub fn legend_list(entries: &[LegendEntry]) -> Markup {
    html! {
        ul.legend {
            @for entry in entries {
                li { (symbol_image(&entry.symbol)) (entry.name) }
            }
        }
    }
}

fn symbol_image(symbol: &Symbol) -> Markup {
    let mut drawing = Drawing::new();
    symbol.draw(&mut drawing, point(15.0, 6.0));
    html! {
        svg.symbol viewBox="0 0 30 12" aria-hidden="true" { (PreEscaped(drawing.elements())) }
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: usize) -> Vec<LegendEntry> {
        vec![
            LegendEntry {
                symbol: Symbol::Curve("s0".to_owned()),
                name: "a name that is too long".to_owned(),
                value: "0.5".to_owned(),
            };
            count
        ]
    }

    #[test]
    fn a_legend_keeps_to_its_area() {
        let drawn = |count| {
            let area = Area {
                left: 0.0,
                right: 180.0,
                top: 0.0,
                bottom: 220.0,
            };
            let mut drawing = Drawing::new();
            draw_legend(&mut drawing, area, &entries(count));
            drawing.elements().to_owned()
        };
        assert_eq!(drawn(11).matches(">a name that is…<").count(), 11);
        assert!(!drawn(11).contains(" more"));
        assert_eq!(drawn(30).matches(">a name that is…<").count(), 10);
        assert!(drawn(30).contains("and 20 more"));
        assert_eq!(drawn(0), "");
    }

    #[test]
    fn a_list_shows_names_whole_and_escaped() {
        let mut entries = entries(1);
        entries[0].name = "films < 0.9 of a long name".to_owned();
        let list = legend_list(&entries).into_string();
        assert!(list.contains("films &lt; 0.9 of a long name"), "{list}");
        assert_eq!(list.matches("<polyline").count(), 1);
    }
}
