//! Decides how the curves look: their colours by day, by night and in print, and the SVG that draws them.

use std::borrow::Cow;
use std::fmt::{Arguments, Write};

/// A place in pixels, from the left and from the top.
pub(super) type Place = (f64, f64);

/// How many curves of sources look different.
pub(super) const SOURCE_STYLES: usize = 6;

/// Every line has a pattern of its own besides its colour, for those who see or print no colours.
const STYLE: &str = "
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:12px;fill:#1f2328}
.title{font-size:14px;font-weight:600}
.muted{fill:#656d76}
.alarm{fill:#c4314b}
.paper{fill:#ffffff}
.curve,.dot,.grid,.frame,.best{fill:none;stroke-linejoin:round;stroke-linecap:butt}
.grid{stroke:#d8dee4;stroke-width:1}
.frame{stroke:#8c959f;stroke-width:1}
.curve{stroke-width:1.75}
.raw{stroke:#9ecbff;stroke-width:1}
.loss{stroke:#0b62b8}
.rate{stroke:#afb8c1;stroke-dasharray:7 4;stroke-width:1.25}
.mean{stroke:#1f2328;stroke-width:2.5}
.lowest{stroke:#c4314b;stroke-dasharray:2 3}
.best{stroke:#1f2328;stroke-width:1.5}
.reached{stroke:#8c959f;stroke-dasharray:1 3}
.source0{stroke:#0b6fc2;stroke-dasharray:9 3}
.source1{stroke:#c05a00;stroke-dasharray:5 3}
.source2{stroke:#12805c;stroke-dasharray:9 3 2 3}
.source3{stroke:#8250df;stroke-dasharray:5 2 1 2}
.source4{stroke:#8a6d00;stroke-dasharray:14 4}
.source5{stroke:#b5307f;stroke-dasharray:9 3 2 3 2 3}
.dot{stroke-width:5;stroke-linecap:round;stroke-dasharray:none}
@media screen and (prefers-color-scheme:dark){
text{fill:#e6edf3}
.muted{fill:#9198a1}
.alarm{fill:#ff7b72}
.paper{fill:#0d1117}
.grid{stroke:#262c36}
.frame,.reached{stroke:#6e7681}
.raw{stroke:#1f4e82}
.loss{stroke:#58a6ff}
.rate{stroke:#4d5661}
.mean,.best{stroke:#e6edf3}
.lowest{stroke:#ff7b72}
.source0{stroke:#58a6ff}
.source1{stroke:#f0883e}
.source2{stroke:#3fb98a}
.source3{stroke:#bc8cff}
.source4{stroke:#d0b23c}
.source5{stroke:#f778ba}
}
";

/// Where a text stands at its place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// It begins there.
    Start,
    /// It has its middle there.
    Middle,
    /// It ends there.
    End,
}

/// A picture in the making.
#[derive(Debug)]
pub(super) struct Canvas {
    svg: String,
}

impl Canvas {
    /// An empty picture, and what it says to those who don't see it.
    pub(super) fn new((width, height): Place, description: &str) -> Self {
        let mut canvas = Self { svg: String::new() };
        canvas.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n",
            escaped(description)
        ));
        canvas
    }

    /// A line through some places. Through a single one it is a dot, through none it is nothing.
    pub(super) fn line(&mut self, class: &str, places: &[Place]) {
        match places {
            [] => {}
            // A round end without a length: it has the colour that the class gives to lines.
            [(x, y)] => {
                self.put(format_args!("<path class=\"curve {class} dot\" d=\"M{x:.1} {y:.1}h0.01\"/>\n"));
            }
            places => {
                self.put(format_args!("<polyline class=\"curve {class}\" points=\""));
                for (x, y) in places {
                    self.put(format_args!("{x:.1},{y:.1} "));
                }
                self.put(format_args!("\"/>\n"));
            }
        }
    }

    /// A thin straight line.
    pub(super) fn rule(&mut self, class: &str, from: Place, to: Place) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n"
        ));
    }

    /// A ring around a place.
    pub(super) fn ring(&mut self, class: &str, (x, y): Place) {
        self.put(format_args!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>\n"));
    }

    /// A line of text, its foot at a place.
    pub(super) fn text(&mut self, class: &str, (x, y): Place, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.put(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    /// The finished picture.
    pub(super) fn into_svg(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn put(&mut self, arguments: Arguments<'_>) {
        self.svg.write_fmt(arguments).expect("a string takes any text");
    }
}

/// Text as XML allows it: no markup, and no control characters, which XML has no way to write.
fn escaped(text: &str) -> String {
    let escape = |character: char| match character {
        '&' => Cow::Borrowed("&amp;"),
        '<' => Cow::Borrowed("&lt;"),
        '>' => Cow::Borrowed("&gt;"),
        '"' => Cow::Borrowed("&quot;"),
        '\u{fffe}' | '\u{ffff}' => Cow::Borrowed("\u{fffd}"),
        control if control.is_control() => Cow::Borrowed("\u{fffd}"),
        plain => Cow::Owned(plain.to_string()),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_not_become_markup() {
        let mut canvas = Canvas::new((10.0, 10.0), "a < b");
        canvas.text("muted", (1.0, 2.0), Anchor::End, "<script>\"&\0\u{ffff}");
        let svg = canvas.into_svg();
        assert!(svg.contains("<title>a &lt; b</title>"));
        assert!(svg.contains("text-anchor=\"end\">&lt;script&gt;&quot;&amp;\u{fffd}\u{fffd}</text>"));
    }

    #[test]
    fn every_source_style_is_there_by_day_and_by_night() {
        for source in 0..SOURCE_STYLES {
            assert_eq!(STYLE.matches(&format!(".source{source}{{stroke:#")).count(), 2);
        }
        assert!(!STYLE.contains(&format!(".source{SOURCE_STYLES}")));
    }

    #[test]
    fn a_line_through_one_place_is_a_dot_and_through_none_nothing() {
        let drawn = |places: &[Place]| {
            let mut canvas = Canvas { svg: String::new() };
            canvas.line("loss", places);
            canvas.svg
        };
        assert_eq!(drawn(&[]), "");
        assert_eq!(drawn(&[(1.0, 2.0)]), "<path class=\"curve loss dot\" d=\"M1.0 2.0h0.01\"/>\n");
        assert_eq!(
            drawn(&[(1.0, 2.0), (3.0, 4.0)]),
            "<polyline class=\"curve loss\" points=\"1.0,2.0 3.0,4.0 \"/>\n"
        );
    }
}
