//! Drawings in SVG. Their colours and fonts come from a style sheet, by the classes of the elements.

use std::fmt::{Display, Write};

use maud::{Markup, PreEscaped, html};

/// A place on a drawing, from its left and from its top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The distance from the left edge.
    pub x: f64,
    /// The distance from the top edge.
    pub y: f64,
}

/// Returns the point at `x` and `y`.
#[must_use]
pub const fn point(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// A rectangle on a drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// The left edge.
    pub left: f64,
    /// The right edge.
    pub right: f64,
    /// The top edge.
    pub top: f64,
    /// The bottom edge.
    pub bottom: f64,
}

/// Which part of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The beginning.
    Start,
    /// The middle.
    Middle,
    /// The end.
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// The shape of a mark, drawn around its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A small disc.
    Dot,
    /// A disc.
    Disc,
    /// A square.
    Square,
    /// A triangle.
    Triangle,
    /// A diamond.
    Diamond,
    /// An arrow that points to the left; its tip is at the place.
    Arrow,
}

impl Marker {
    /// Returns the path data of the shape.
    fn path(self) -> &'static str {
        match self {
            Self::Dot => "M-2.4,0a2.4,2.4 0 1,0 4.8,0a2.4,2.4 0 1,0 -4.8,0z",
            Self::Disc => "M-3.4,0a3.4,3.4 0 1,0 6.8,0a3.4,3.4 0 1,0 -6.8,0z",
            Self::Square => "M-3,-3h6v6h-6z",
            Self::Triangle => "M0,-4l3.8,6.8h-7.6z",
            Self::Diamond => "M0,-4.2l4,4.2l-4,4.2l-4,-4.2z",
            Self::Arrow => "M0,0l6,-3.4v6.8z",
        }
    }
}

/// The name and description of a drawing for people who do not see it.
#[derive(Clone, Copy, Debug)]
pub struct Caption<'a> {
    /// An identifier that is unique on the page.
    pub id: &'a str,
    /// The title.
    pub title: &'a str,
    /// The description.
    pub description: &'a str,
}

/// A drawing in the making.
///
/// All texts are escaped. Characters that XML does not allow become U+FFFD.
///
/// ```
/// use lungfield_training::plot::{Anchor, Drawing, point};
///
/// let mut drawing = Drawing::new();
/// drawing.line(point(0.0, 10.0), point(100.0, 10.0), "axis");
/// drawing.text(point(50.0, 30.0), Anchor::Middle, "label", "loss < 0.1");
/// let svg = drawing.document(100.0, 40.0, "an axis");
/// assert!(svg.starts_with("<svg "));
/// assert!(svg.contains("loss &lt; 0.1"));
/// ```
#[derive(Debug, Default)]
pub struct Drawing {
    elements: String,
}

impl Drawing {
    /// Creates an empty drawing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the elements of the drawing.
    #[must_use]
    pub fn elements(&self) -> &str {
        &self.elements
    }

    /// Draws a straight line.
    pub fn line(&mut self, from: Point, to: Point, class: &str) {
        self.push(html! {
            line x1=(tenths(from.x)) y1=(tenths(from.y)) x2=(tenths(to.x)) y2=(tenths(to.y)) class=(class) {}
        });
    }

    /// Draws a rectangle.
    pub fn rectangle(&mut self, area: Area, class: &str) {
        let (width, height) = (area.right - area.left, area.bottom - area.top);
        self.push(html! {
            rect x=(tenths(area.left)) y=(tenths(area.top)) width=(tenths(width)) height=(tenths(height))
                class=(class) {}
        });
    }

    /// Draws a line through some points. A single point becomes a dot with the additional class `dot`; without points
    /// nothing is drawn.
    pub fn curve(&mut self, points: &[Point], class: &str) {
        match points {
            [] => {}
            // A line without length and with round ends is a dot in the colour of the line.
            [only] => self.push(html! {
                path d={ "M" (tenths(only.x)) " " (tenths(only.y)) "h0.01" } class={ (class) " dot" } {}
            }),
            points => {
                let points: Vec<_> = points
                    .iter()
                    .map(|point| format!("{:.1},{:.1}", point.x, point.y))
                    .collect();
                self.push(html! { polyline points=(points.join(" ")) class=(class) {} });
            }
        }
    }

    /// Draws a circle.
    pub fn circle(&mut self, center: Point, radius: f64, class: &str) {
        self.push(html! {
            circle cx=(tenths(center.x)) cy=(tenths(center.y)) r=(tenths(radius)) class=(class) {}
        });
    }

    /// Draws a mark.
    pub fn mark(&mut self, place: Point, marker: Marker, class: &str) {
        self.push(html! {
            path transform=(translation(place)) d=(marker.path()) class=(class) {}
        });
    }

    /// Draws a mark that shows a text when the pointer is over it.
    pub fn mark_with_tip(&mut self, place: Point, marker: Marker, class: &str, tip: &str) {
        self.push(html! {
            path transform=(translation(place)) d=(marker.path()) class=(class) {
                title { (allowed(tip)) }
            }
        });
    }

    /// Draws a text. The place is on its base line.
    pub fn text(&mut self, place: Point, anchor: Anchor, class: &str, text: impl Display) {
        self.push(html! {
            text x=(tenths(place.x)) y=(tenths(place.y)) text-anchor=(anchor.name()) class=(class) {
                (allowed(text))
            }
        });
    }

    /// Returns the drawing as a document of its own, on paper of the given size and with the style sheet of the plots.
    #[must_use]
    pub fn document(&self, width: f64, height: f64, description: &str) -> String {
        self.styled_document(width, height, description, "")
    }

    /// Returns the drawing as a document with additional rules in its style sheet.
    #[must_use]
    pub fn styled_document(
        &self,
        width: f64,
        height: f64,
        description: &str,
        rules: &str,
    ) -> String {
        let document = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) }
                width=(width) height=(height) role="img" {
                title { (allowed(description)) }
                style { (PreEscaped(STYLE)) (PreEscaped(rules)) }
                rect class="paper" width=(width) height=(height) {}
                (PreEscaped(&self.elements))
            }
        };
        document.into_string() + "\n"
    }

    /// Returns the drawing as an element of a page, whose style sheet includes [`STYLE`].
    #[must_use]
    pub fn figure(&self, width: f64, height: f64, caption: Caption<'_>) -> Markup {
        let Caption {
            id,
            title,
            description,
        } = caption;
        html! {
            svg viewBox={ "0 0 " (width) " " (height) } role="img"
                aria-labelledby={ (id) "-title " (id) "-description" } {
                title id={ (id) "-title" } { (allowed(title)) }
                desc id={ (id) "-description" } { (allowed(description)) }
                (PreEscaped(&self.elements))
            }
        }
    }

    fn push(&mut self, element: Markup) {
        self.elements.push_str(&element.into_string());
    }
}

/// The style sheet of plots, for standalone drawings and for pages that show some.
pub const STYLE: &str = include_str!("plot.css");

/// Formats a length with one decimal place.
fn tenths(length: f64) -> String {
    format!("{length:.1}")
}

fn translation(to: Point) -> String {
    format!("translate({:.1} {:.1})", to.x, to.y)
}

/// Replaces the characters that XML does not allow.
fn allowed(text: impl Display) -> String {
    let mut written = String::new();
    write!(written, "{text}").expect("memory takes every character");
    let is_allowed = |character: char| match character {
        '\n' | '\t' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        character => !character.is_control(),
    };
    written
        .chars()
        .map(|character| {
            if is_allowed(character) {
                character
            } else {
                '\u{fffd}'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_tips_are_escaped() {
        let mut drawing = Drawing::new();
        drawing.text(point(0.0, 0.0), Anchor::Start, "label", "<&>\u{7}\u{ffff}");
        drawing.mark_with_tip(point(0.0, 0.0), Marker::Dot, "film", "\"<");
        let drawn = drawing.elements();
        assert!(drawn.contains(">&lt;&amp;&gt;\u{fffd}\u{fffd}<"), "{drawn}");
        assert!(drawn.contains("<title>&quot;&lt;</title>"), "{drawn}");
    }

    #[test]
    fn a_curve_through_one_point_is_a_dot_and_through_none_nothing() {
        let drawn = |points: &[Point]| {
            let mut drawing = Drawing::new();
            drawing.curve(points, "loss");
            drawing.elements
        };
        assert_eq!(drawn(&[]), "");
        assert_eq!(
            drawn(&[point(1.0, 2.0)]),
            r#"<path d="M1.0 2.0h0.01" class="loss dot"></path>"#
        );
        assert_eq!(
            drawn(&[point(1.0, 2.0), point(3.0, 4.04)]),
            r#"<polyline points="1.0,2.0 3.0,4.0" class="loss"></polyline>"#
        );
    }

    #[test]
    fn a_drawing_has_a_name_and_a_description() {
        let caption = Caption {
            id: "figure",
            title: "a < b",
            description: "a & b",
        };
        let svg = Drawing::new().figure(20.0, 10.0, caption).into_string();
        assert!(
            svg.contains(r#"<title id="figure-title">a &lt; b</title>"#),
            "{svg}"
        );
        assert!(
            svg.contains(r#"<desc id="figure-description">a &amp; b</desc>"#),
            "{svg}"
        );
        let document = Drawing::new().document(20.0, 10.0, "a < b");
        assert!(document.contains("<title>a &lt; b</title>"), "{document}");
        roxmltree::Document::parse(&document).unwrap();
    }
}
