//! Decides how the curves look: their colours by day, by night and in print, and the SVG document that holds them.

use crate::drawing::{Drawing, Text};

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

/// The finished picture of a size, and what it says to those who don't see it.
pub(super) fn picture(drawing: &Drawing, [width, height]: [f64; 2], description: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{}\n</svg>\n",
        Text(description),
        drawing.elements()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_says_what_it_is() {
        assert!(
            picture(&Drawing::new(), [10.0, 10.0], "a < b").contains("<title>a &lt; b</title>")
        );
    }

    #[test]
    fn every_source_style_is_there_by_day_and_by_night() {
        for source in 0..SOURCE_STYLES {
            assert_eq!(
                STYLE.matches(&format!(".source{source}{{stroke:#")).count(),
                2
            );
        }
        assert!(!STYLE.contains(&format!(".source{SOURCE_STYLES}")));
    }
}
