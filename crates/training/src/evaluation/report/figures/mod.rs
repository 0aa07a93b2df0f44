//! The figures of a report. Each has a title, a drawing, a legend, and a sentence that states what it shows.

mod boxes;
mod histogram;
mod reliability;
mod score_scale;
mod sensitivity;

use maud::Markup;

use crate::evaluation::measure::ScoredCase;
use crate::evaluation::summary::{Row, Summary};
use crate::plot::{
    Area, Caption, DataPoint, Drawing, LegendEntry, Panel, Pixels, Scale, Symbol, series_class,
    series_marker,
};
use lungfield_radiograph::mask::Threshold;

/// The width of every figure in its own units. The page scales it to the width of a column.
const WIDTH: f64 = 480.0;
/// The left edge of the plots.
const LEFT: f64 = 46.0;
/// The right edge of the plots.
const RIGHT: f64 = WIDTH - 14.0;
/// The horizontal pixels of the plots.
const ACROSS: Pixels = Pixels {
    start: LEFT,
    end: RIGHT,
};
/// The height of the tick labels and the axis label below a plot.
const BELOW: f64 = 42.0;

/// A figure of the page.
#[derive(Debug)]
pub(super) struct Figure {
    /// The title.
    pub(super) title: &'static str,
    /// The drawing.
    pub(super) svg: Markup,
    /// The legend.
    pub(super) legend: Vec<LegendEntry>,
    /// The sentence below the drawing.
    pub(super) sentence: String,
}

impl Figure {
    fn new(
        caption: Caption<'static>,
        drawing: &Drawing,
        height: f64,
        legend: Vec<LegendEntry>,
        sentence: String,
    ) -> Self {
        let described = Caption {
            description: &sentence,
            ..caption
        };
        Self {
            title: caption.title,
            svg: drawing.figure(WIDTH, height, described),
            legend,
            sentence,
        }
    }
}

/// Draws the figures of a report, in the order of the page. A report without films has none.
pub(super) fn figures(
    films: &[ScoredCase],
    summary: &Summary,
    threshold: Threshold,
) -> Vec<Figure> {
    if films.is_empty() {
        return Vec::new();
    }
    vec![
        histogram::figure(films, summary),
        boxes::figure(films, summary),
        sensitivity::figure(summary, threshold),
        reliability::figure(summary),
    ]
}

/// Returns the Dice scores of a source's films, in ascending order.
fn dice_of(films: &[ScoredCase], source: &str) -> Vec<f64> {
    let own = films.iter().filter(|film| film.source == source);
    let mut dice: Vec<f64> = own.map(ScoredCase::dice).collect();
    dice.sort_by(f64::total_cmp);
    dice
}

/// Returns the area of a plot of the full width.
fn plot_area(top: f64, bottom: f64) -> Area {
    Area {
        left: LEFT,
        right: RIGHT,
        top,
        bottom,
    }
}

/// Draws the curve of all films, if there are several sources, and the marked curve of each source.
fn draw_curves(
    panel: &mut Panel<'_>,
    summary: &Summary,
    y: &Scale,
    series: impl Fn(&Row) -> Vec<DataPoint>,
) {
    let sources: Vec<_> = summary.sources().collect();
    if let Some(all) = summary.all().filter(|_| sources.len() > 1) {
        panel.curve(&series(all), y, "all");
    }
    for (index, (_, row)) in sources.into_iter().enumerate() {
        let (series, class) = (series(row), series_class(index));
        panel.curve(&series, y, &class);
        panel.marks(&series, y, series_marker(index), &class);
    }
}

/// Returns a legend entry without a value.
fn entry(symbol: Symbol, name: &str) -> LegendEntry {
    LegendEntry {
        symbol,
        name: name.to_owned(),
        value: String::new(),
    }
}

/// Returns an entry for each source, and one for all films if there are several sources.
fn source_entries(summary: &Summary) -> Vec<LegendEntry> {
    let source = |(index, (name, _)): (usize, (&str, &Row))| {
        let symbol = Symbol::MarkedCurve(series_class(index), series_marker(index));
        entry(symbol, name)
    };
    let mut entries: Vec<_> = summary.sources().enumerate().map(source).collect();
    if entries.len() > 1 {
        entries.push(entry(Symbol::Curve("all".to_owned()), "all films"));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures::scored;

    #[test]
    fn a_report_without_films_has_no_figures() {
        assert!(figures(&[], &Summary::of(&[]), Threshold::HALF).is_empty());
    }

    #[test]
    fn all_films_have_an_entry_of_their_own_only_where_there_are_several_sources() {
        let [x, y] = [scored("x", "a", 5, 4), scored("y", "b", 5, 5)];
        let one = source_entries(&Summary::of(std::slice::from_ref(&x)));
        let names: Vec<_> = one.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a"]);
        let two = source_entries(&Summary::of(&[x, y]));
        assert_eq!(two.len(), 3);
        assert_eq!(two[2].name, "all films");
    }
}
