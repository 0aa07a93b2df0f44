//! The histogram of the Dice scores: a strip for each source, one above the other on a common axis.

use std::collections::BTreeMap;

use super::score_scale::ScoreScale;
use super::{BELOW, Figure, LEFT, RIGHT, dice_of, entry, plot_area};
use crate::evaluation::measure::{Measure, ScoredCase};
use crate::evaluation::report::words::counted;
use crate::evaluation::summary::{ARTICLE, Row, Summary};
use crate::plot::{
    Anchor, Area, Caption, Drawing, LegendEntry, Panel, Symbol, point, series_class,
};

const CAPTION: Caption<'static> = Caption {
    id: "histogram",
    title: "Distribution of Dice",
    description: "",
};
const TOP: f64 = 8.0;
/// The height of the name above the bars of a strip.
const NAME: f64 = 32.0;
/// The height of the bars of all strips together.
const BARS: f64 = 190.0;
/// The least height of the bars of a strip.
const LOWEST_BARS: f64 = 66.0;
/// The distance from the left edge of the plot to the counts beside it.
const COUNT_GAP: f64 = 6.0;

/// The strip of a source.
struct Strip<'a> {
    index: usize,
    name: &'a str,
    row: &'a Row,
    dice: Vec<f64>,
    /// The area of the bars.
    bars: Area,
}

pub(super) fn figure(films: &[ScoredCase], summary: &Summary) -> Figure {
    let scores = ScoreScale::of(films);
    let strips = strips(films, summary);
    let bottom = strips.last().map_or(TOP, |strip| strip.bars.bottom);
    let mut drawing = Drawing::new();
    let mut panel = Panel::new(&mut drawing, plot_area(TOP + 24.0, bottom), scores.scale);
    panel.columns();
    panel.bottom_axis("Dice");
    panel.rule(ARTICLE.mean, "article");
    for strip in &strips {
        draw_bars(&mut drawing, strip, scores);
        draw_mean(&mut drawing, strip, scores);
    }
    let sentence = sentence(films, summary.all()) + &scores.about_beyond(films);
    Figure::new(CAPTION, &drawing, bottom + BELOW, legend(), sentence)
}

fn strips<'a>(films: &[ScoredCase], summary: &'a Summary) -> Vec<Strip<'a>> {
    let sources: Vec<_> = summary.sources().collect();
    let height = (BARS / sources.len() as f64).max(LOWEST_BARS);
    let strip = |(index, (name, row)): (usize, (&'a str, &'a Row))| {
        let base = TOP + (NAME + height) * (index + 1) as f64;
        Strip {
            index,
            name,
            row,
            dice: dice_of(films, name),
            bars: plot_area(base - height, base),
        }
    };
    sources.into_iter().enumerate().map(strip).collect()
}

/// Draws the bars of a strip, and the number of its films beyond the scale.
fn draw_bars(drawing: &mut Drawing, strip: &Strip<'_>, scores: ScoreScale) {
    let Area { top, bottom, .. } = strip.bars;
    let mut counts = BTreeMap::<usize, usize>::new();
    let within = strip.dice.iter().filter(|&&dice| !scores.is_beyond(dice));
    within.for_each(|&dice| *counts.entry(scores.bin_of(dice)).or_default() += 1);
    let most = counts.values().copied().max().unwrap_or(1);
    let class = format!("bar {}", series_class(strip.index));
    let edge = |bin: usize| {
        let value = scores.scale.first() + bin as f64 * scores.bin;
        scores.scale.clamped_pixel(value)
    };
    for (&bin, &count) in &counts {
        let bar = Area {
            left: edge(bin) + 0.5,
            right: edge(bin + 1) - 0.5,
            top: bottom - (bottom - top) * count as f64 / most as f64,
            bottom,
        };
        drawing.rectangle(bar, &class);
    }
    drawing.line(point(LEFT, bottom), point(RIGHT, bottom), "axis");
    let count = |y: f64| point(LEFT - COUNT_GAP, y + 4.0);
    drawing.text(count(top), Anchor::End, "tick", most);
    drawing.text(count(bottom), Anchor::End, "tick", 0);
    let beyond = strip.dice.len() - counts.values().sum::<usize>();
    if beyond > 0 {
        let place = count(f64::midpoint(top, bottom));
        drawing.text(place, Anchor::End, "tick", format_args!("← {beyond}"));
    }
}

/// Draws the name of a source and its mean.
fn draw_mean(drawing: &mut Drawing, strip: &Strip<'_>, scores: ScoreScale) {
    let Strip {
        name, row, bars, ..
    } = strip;
    let mean = row.statistics(Measure::Dice).map_or(0.0, |dice| dice.mean);
    let x = scores.scale.clamped_pixel(mean);
    // The first line is a border around the second, so that it stands out from bars of any colour.
    for class in ["casing", "mean"] {
        drawing.line(point(x, bars.top - 4.0), point(x, bars.bottom), class);
    }
    let name = format!("{name}: {}, mean {mean:.4}", counted(row.films, "film"));
    drawing.text(point(LEFT, bars.top - 12.0), Anchor::Start, "name", name);
}

fn legend() -> Vec<LegendEntry> {
    let article = format!("mean in the article, {:.3}", ARTICLE.mean);
    vec![
        entry(Symbol::Line("mean".to_owned()), "mean"),
        entry(Symbol::Line("article".to_owned()), &article),
    ]
}

fn sentence(films: &[ScoredCase], all: Option<&Row>) -> String {
    let median = all
        .and_then(|row| row.statistics(Measure::Dice))
        .map_or(0.0, |dice| dice.median);
    let low = films
        .iter()
        .filter(|film| film.dice() < ARTICLE.minimum)
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
    use super::*;
    use crate::evaluation::fixtures::scored;

    #[test]
    fn bars_are_as_high_as_their_counts_and_films_beyond_are_counted() {
        let summary = Summary::of(&[scored("x", "a", 10, 10)]);
        let strip = Strip {
            index: 0,
            name: "a",
            row: summary.all().unwrap(),
            dice: vec![0.1, 0.2, 0.6, 0.8, 0.9, 1.0],
            bars: plot_area(24.0, 90.0),
        };
        let mut drawing = Drawing::new();
        draw_bars(&mut drawing, &strip, ScoreScale::new(0.5, 0.25));
        let drawn = drawing.elements();
        // The plot is 420 wide and has two bins; the first has one film, the second three.
        assert!(
            drawn.contains(r#"<rect x="46.5" y="68.0" width="209.0" height="22.0""#),
            "{drawn}"
        );
        assert!(
            drawn.contains(r#"<rect x="256.5" y="24.0" width="209.0" height="66.0""#),
            "{drawn}"
        );
        assert!(drawn.contains("← 2<"), "{drawn}");
    }

    #[test]
    fn the_sentence_counts_films_below_the_articles_lowest() {
        let films = [scored("x", "a", 10, 10), scored("y", "a", 10, 5)];
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
