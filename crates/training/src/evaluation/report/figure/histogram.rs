//! Decides how the histogram of Dice is drawn: a strip for each source, above one another on one axis.

use std::collections::BTreeMap;

use super::super::super::measure::{Measure, Scored};
use super::super::super::summary::{ARTICLE, Row, Summary};
use super::super::html::counted;
use super::super::svg::{Axis, placed};
use super::scores::ScoreAxis;
use super::{Entry, Figure, Sample, dice_of, draw_horizontal, source_class};
use crate::drawing::{Anchor, Drawing};

const TITLE: &str = "Distribution of Dice";
const TOP: f64 = 8.0;
/// Height of the room above a strip's bars, for its name.
const NAME: f64 = 32.0;
/// Height of all bars together, and of a strip's bars at least.
const BARS: f64 = 190.0;
const LOWEST_BARS: f64 = 66.0;

pub(super) fn figure(films: &[Scored], summary: &Summary) -> Figure {
    let scores = ScoreAxis::of(films);
    let axis = scores.axis;
    let strips: Vec<_> = summary.sources().collect();
    let bars = (BARS / strips.len() as f64).max(LOWEST_BARS);
    let bottom = TOP + (NAME + bars) * strips.len() as f64;
    let mut drawing = Drawing::new();
    draw_horizontal(&mut drawing, axis, [TOP + 24.0, bottom], "Dice");
    let article = axis.at(ARTICLE.mean);
    drawing.line([article, TOP + 24.0], [article, bottom], "article");
    for (index, (name, row)) in strips.into_iter().enumerate() {
        let base = TOP + (NAME + bars) * (index + 1) as f64;
        draw_bars(
            &mut drawing,
            index,
            [base - bars, base],
            (scores, &dice_of(films, name)),
        );
        draw_mean(&mut drawing, name, [base - bars, base], (axis, row));
    }
    let legend = vec![
        Entry {
            sample: Sample::All,
            name: "mean".to_owned(),
        },
        Entry {
            sample: Sample::Article,
            name: format!("mean in the article, {:.3}", ARTICLE.mean),
        },
    ];
    let sentence = sentence(films, summary.all()) + &scores.about_beyond(films);
    let svg = placed(&drawing, bottom + 42.0, ["histogram", TITLE, &sentence]);
    Figure {
        title: TITLE,
        svg,
        legend,
        sentence,
    }
}

/// Draws a source's bars, and how many of its films lie beyond the axis.
fn draw_bars(
    drawing: &mut Drawing,
    index: usize,
    [top, base]: [f64; 2],
    (scores, dice): (ScoreAxis, &[f64]),
) {
    let ScoreAxis { axis, bin } = scores;
    let mut counts = BTreeMap::<usize, usize>::new();
    let within = dice.iter().filter(|&&dice| !scores.is_beyond(dice));
    within.for_each(|&dice| *counts.entry(scores.bin_of(dice)).or_default() += 1);
    let most = counts.values().copied().max().unwrap_or(1);
    let class = format!("bar {}", source_class(index));
    for (&place, &count) in &counts {
        let [left, right] =
            [place, place + 1].map(|edge| axis.at(axis.values[0] + edge as f64 * bin));
        let height = (base - top) * count as f64 / most as f64;
        drawing.rectangle(
            [left + 0.5, base - height],
            [right - left - 1.0, height],
            &class,
        );
    }
    drawing.line([axis.places[0], base], [axis.places[1], base], "axis");
    drawing.text([axis.places[0] - 6.0, top + 4.0], Anchor::End, "tick", most);
    drawing.text([axis.places[0] - 6.0, base + 4.0], Anchor::End, "tick", 0);
    let beyond = dice.len() - counts.values().sum::<usize>();
    if beyond > 0 {
        let place = [axis.places[0] - 6.0, f64::midpoint(top, base) + 4.0];
        drawing.text(place, Anchor::End, "tick", format_args!("← {beyond}"));
    }
}

/// Draws the name of a source, and its mean over its bars.
fn draw_mean(drawing: &mut Drawing, name: &str, [top, base]: [f64; 2], (axis, row): (Axis, &Row)) {
    let mean = row.statistics(Measure::Dice).map_or(0.0, |dice| dice.mean);
    // Twice, so that it stands out from bars of any colour.
    for class in ["casing", "mean"] {
        drawing.line([axis.at(mean), top - 4.0], [axis.at(mean), base], class);
    }
    let name = format!("{name}: {}, mean {mean:.4}", counted(row.films, "film"));
    drawing.text([axis.places[0], top - 12.0], Anchor::Start, "name", name);
}

fn sentence(films: &[Scored], all: Option<&Row>) -> String {
    let median = all
        .and_then(|row| row.statistics(Measure::Dice))
        .map_or(0.0, |dice| dice.median);
    let low = films
        .iter()
        .filter(|film| film.measures.overlap.dice() < ARTICLE.minimum)
        .count();
    let below = match low {
        0 => "none lies".to_owned(),
        1 => "one lies".to_owned(),
        _ => format!("{low} lie"),
    };
    format!(
        "Half of all films score {median:.4} or more. Of {}, {below} below {:.3}, the lowest score in the article.",
        counted(films.len(), "film"),
        ARTICLE.minimum
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::super::measure::tests::scored;
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_counts_and_films_beyond_are_counted() {
        let mut drawing = Drawing::new();
        let scores = ScoreAxis {
            axis: Axis {
                values: [0.5, 1.0],
                places: [0.0, 100.0],
            },
            bin: 0.25,
        };
        draw_bars(
            &mut drawing,
            0,
            [24.0, 90.0],
            (scores, &[0.1, 0.2, 0.6, 0.8, 0.9, 1.0]),
        );
        let drawn = drawing.elements();
        assert!(
            drawn.contains(r#"<rect x="0.5" y="68.0" width="49.0" height="22.0""#),
            "{drawn}"
        );
        assert!(
            drawn.contains(r#"<rect x="50.5" y="24.0" width="49.0" height="66.0""#),
            "{drawn}"
        );
        assert!(drawn.contains("← 2<"), "{drawn}");
    }

    #[test]
    fn the_sentence_counts_films_below_the_articles_lowest() {
        let films = [scored("x", "a", [10, 10]), scored("y", "a", [10, 5])];
        let figure = figure(&films, &Summary::of(&films));
        assert!(
            figure
                .sentence
                .contains("score 0.8333 or more. Of 2 films, one lies below"),
            "{}",
            figure.sentence
        );
    }
}
