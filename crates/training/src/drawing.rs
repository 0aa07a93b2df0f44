//! Decides how a drawing is written down: as SVG elements, their colours left to a style sheet, their text escaped.

use std::fmt::{self, Arguments, Display, Write};

/// A place on a drawing: from its left and from its top.
pub type Place = [f64; 2];

/// Text that shows as it is, between tags as well as in an attribute's quotation marks.
///
/// Characters that neither XML nor HTML may hold, controls among them, become U+FFFD.
#[derive(Clone, Copy, Debug)]
pub struct Text<T>(pub T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(formatter), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '&' => self.0.write_str("&amp;"),
            '<' => self.0.write_str("&lt;"),
            '>' => self.0.write_str("&gt;"),
            '"' => self.0.write_str("&quot;"),
            '\'' => self.0.write_str("&#39;"),
            '\n' | '\t' => self.0.write_char(character),
            '\u{fffe}' | '\u{ffff}' => self.0.write_char('\u{fffd}'),
            control if control.is_control() => self.0.write_char('\u{fffd}'),
            plain => self.0.write_char(plain),
        })
    }
}

/// Which part of a text stands at its place.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// A drawing in the making. Classes are those of the style sheet that it is shown with.
#[derive(Debug, Default)]
pub struct Drawing {
    elements: String,
}

impl Drawing {
    /// An empty drawing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its elements, to be put into an `svg` element.
    #[must_use]
    pub fn elements(&self) -> &str {
        &self.elements
    }

    /// A straight line.
    pub fn line(&mut self, [x1, y1]: Place, [x2, y2]: Place, class: &str) {
        self.add(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        ));
    }

    /// A rectangle with its upper left corner, its width and its height.
    pub fn rectangle(&mut self, [x, y]: Place, [width, height]: [f64; 2], class: &str) {
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="{class}"/>"#
        ));
    }

    /// A line through some places. Through a single one it is a dot, of the class `dot` besides; through none it is
    /// nothing.
    pub fn curve(&mut self, places: &[Place], class: &str) {
        match places {
            [] => {}
            // A round end without a length: it has the colour that the class gives to lines.
            [[x, y]] => self.add(format_args!(
                r#"<path d="M{x:.1} {y:.1}h0.01" class="{class} dot"/>"#
            )),
            places => {
                let points: Vec<_> = places
                    .iter()
                    .map(|[x, y]| format!("{x:.1},{y:.1}"))
                    .collect();
                self.add(format_args!(
                    r#"<polyline points="{}" class="{class}"/>"#,
                    points.join(" ")
                ));
            }
        }
    }

    /// A circle around a place.
    pub fn circle(&mut self, [x, y]: Place, radius: f64, class: &str) {
        self.add(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" class="{class}"/>"#
        ));
    }

    /// A shape, given as path data around the origin, moved to a place.
    pub fn mark(&mut self, [x, y]: Place, shape: &str, class: &str) {
        self.add(format_args!(
            r#"<path transform="translate({x:.1} {y:.1})" d="{shape}" class="{class}"/>"#
        ));
    }

    /// A shape that says what it is when it is pointed at.
    pub fn pointed_out(&mut self, [x, y]: Place, shape: &str, class: &str, tip: impl Display) {
        let tip = Text(tip);
        self.add(format_args!(
            r#"<path transform="translate({x:.1} {y:.1})" d="{shape}" class="{class}"><title>{tip}</title></path>"#
        ));
    }

    /// A text on the base line of its place.
    pub fn text(&mut self, [x, y]: Place, anchor: Anchor, class: &str, text: impl Display) {
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

    fn add(&mut self, element: Arguments<'_>) {
        self.elements
            .write_fmt(element)
            .expect("memory takes every character");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_a_tag_or_leave_an_attribute() {
        let escaped = Text("<b title='x'>\"a\" & b\u{7}\u{ffff}</b>\n").to_string();
        assert_eq!(
            escaped,
            "&lt;b title=&#39;x&#39;&gt;&quot;a&quot; &amp; b\u{fffd}\u{fffd}&lt;/b&gt;\n"
        );
        assert_eq!(Text(0.5).to_string(), "0.5");
    }

    #[test]
    fn texts_and_tips_are_escaped() {
        let mut drawing = Drawing::new();
        drawing.text([0.0, 0.0], Anchor::Start, "label", "<&>");
        drawing.pointed_out([0.0, 0.0], "M0,0", "film", "\"<");
        assert!(
            drawing.elements().contains(">&lt;&amp;&gt;<"),
            "{}",
            drawing.elements()
        );
        assert!(
            drawing.elements().contains("<title>&quot;&lt;</title>"),
            "{}",
            drawing.elements()
        );
    }

    #[test]
    fn a_curve_through_one_place_is_a_dot_and_through_none_nothing() {
        let drawn = |places: &[Place]| {
            let mut drawing = Drawing::new();
            drawing.curve(places, "loss");
            drawing.elements
        };
        assert_eq!(drawn(&[]), "");
        assert_eq!(
            drawn(&[[1.0, 2.0]]),
            r#"<path d="M1.0 2.0h0.01" class="loss dot"/>"#
        );
        let two = drawn(&[[1.0, 2.0], [3.0, 4.04]]);
        assert_eq!(two, r#"<polyline points="1.0,2.0 3.0,4.0" class="loss"/>"#);
    }
}
