//! Decides which figures a report has, and what they share: a title, a drawing, a legend, and a sentence that says what
//! to see.

mod boxes;
mod histogram;
mod reliability;
mod scores;
mod sensitivity;

use super::super::measure::Scored;
use super::super::summary::Summary;
use super::svg::{Axis, WIDTH, shape};
use crate::drawing::{Anchor, Drawing};
use lungfield_radiograph::mask::Threshold;

/// Where the plots of all figures begin and end, from left to right.
const PLOT: [f64; 2] = [46.0, WIDTH - 14.0];
/// How many sources have colours and dashes of their own in the style sheet; further ones begin anew.
const SOURCE_CLASSES: usize = 6;

/// A figure, ready to be put on the page.
#[derive(Debug)]
pub(super) struct Figure {
    /// What it is called.
    pub(super) title: &'static str,
    /// The drawing.
    pub(super) svg: String,
    /// What its curves and marks stand for.
    pub(super) legend: Vec<Entry>,
    /// What to see in it.
    pub(super) sentence: String,
}

/// A line of a legend.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// What is shown beside the name.
    pub(super) sample: Sample,
    /// What it stands for.
    pub(super) name: String,
}

/// What a legend shows beside a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// The curve and the mark of the source with this index.
    Source(usize),
    /// The curve of all films.
    All,
    /// The dot of a film.
    Film,
    /// The dot of a film whose reference mask is doubtful.
    Doubtful,
    /// The arrow of a film beyond the axis.
    Beyond,
    /// The line of the article.
    Article,
}

/// The figures of a report that has films, in the order of the page.
pub(super) fn figures(films: &[Scored], summary: &Summary, threshold: Threshold) -> Vec<Figure> {
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

/// The class that gives a source its colour and its dashes.
pub(super) fn source_class(index: usize) -> String {
    format!("s{}", index % SOURCE_CLASSES)
}

/// The Dice scores of a source's films, ascending.
fn dice_of(films: &[Scored], source: &str) -> Vec<f64> {
    let own = films.iter().filter(|film| film.source == source);
    let mut dice: Vec<f64> = own.map(|film| film.measures.overlap.dice()).collect();
    dice.sort_by(f64::total_cmp);
    dice
}

/// Draws the curve of each source, with its mark at every point.
fn draw_sources(drawing: &mut Drawing, curves: impl Iterator<Item = Vec<[f64; 2]>>) {
    for (index, points) in curves.enumerate() {
        let class = source_class(index);
        drawing.curve(&points, &format!("curve {class}"));
        for point in points {
            drawing.mark(point, shape(index), &format!("mark {class}"));
        }
    }
}

/// Draws an axis below `bottom`, and its grid up to `top`.
fn draw_horizontal(drawing: &mut Drawing, axis: Axis, [top, bottom]: [f64; 2], label: &str) {
    let (ticks, places) = axis.ticks(7);
    for tick in ticks {
        let x = axis.at(tick);
        drawing.line([x, top], [x, bottom], "grid");
        drawing.text(
            [x, bottom + 16.0],
            Anchor::Middle,
            "tick",
            format_args!("{tick:.places$}"),
        );
    }
    drawing.line([axis.places[0], bottom], [axis.places[1], bottom], "axis");
    let middle = f64::midpoint(axis.places[0], axis.places[1]);
    drawing.text([middle, bottom + 34.0], Anchor::Middle, "label", label);
}

/// Draws an axis to the left of the plot, its grid across it, and its label above it.
fn draw_vertical(drawing: &mut Drawing, axis: Axis, label: &str) {
    let (ticks, places) = axis.ticks(6);
    for tick in ticks {
        let y = axis.at(tick);
        drawing.line([PLOT[0], y], [PLOT[1], y], "grid");
        drawing.text(
            [PLOT[0] - 6.0, y + 4.0],
            Anchor::End,
            "tick",
            format_args!("{tick:.places$}"),
        );
    }
    let top = axis.places[0].min(axis.places[1]);
    drawing.text([4.0, top - 12.0], Anchor::Start, "label", label);
}

/// An entry for each source, and one for all where there are several.
fn source_entries(summary: &Summary) -> Vec<Entry> {
    let sources = summary.sources().enumerate();
    let mut entries: Vec<_> = sources
        .map(|(index, (name, _))| Entry {
            sample: Sample::Source(index),
            name: name.to_owned(),
        })
        .collect();
    if entries.len() > 1 {
        entries.push(Entry {
            sample: Sample::All,
            name: "all films".to_owned(),
        });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::super::super::measure::tests::scored;
    use super::*;

    #[test]
    fn a_report_without_films_has_no_figures() {
        assert!(figures(&[], &Summary::of(&[]), Threshold::HALF).is_empty());
    }

    #[test]
    fn all_films_have_an_entry_of_their_own_only_where_there_are_several_sources() {
        let [x, y] = [scored("x", "a", [5, 4]), scored("y", "b", [5, 5])];
        let one = source_entries(&Summary::of(std::slice::from_ref(&x)));
        assert_eq!(
            one,
            [Entry {
                sample: Sample::Source(0),
                name: "a".to_owned()
            }]
        );
        let two = source_entries(&Summary::of(&[x, y]));
        assert_eq!(two.last().map(|entry| entry.sample), Some(Sample::All));
    }
}
