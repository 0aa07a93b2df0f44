//! Decides how the histogram of Dice is drawn: a strip for each source, above one another on one axis.

use super::super::super::measure::{Measure, Scored};
use super::super::super::summary::{ARTICLE, Row, Summary};
use super::super::html::counted;
use super::super::svg::{Anchor, Axis, Svg};
use super::{Entry, Figure, Sample, dice_axis, dice_of, draw_horizontal, source_class};

const TITLE: &str = "Distribution of Dice";
/// Height of a strip's bars at most, and of a strip with its name.
const BARS: f64 = 66.0;
const STRIP: f64 = BARS + 32.0;
const TOP: f64 = 8.0;

pub(super) fn figure(films: &[Scored], summary: &Summary) -> Figure {
    let (axis, width) = dice_axis(films);
    let strips: Vec<_> = summary.sources().collect();
    let bottom = TOP + STRIP * strips.len() as f64;
    let mut svg = Svg::new(bottom + 42.0);
    draw_horizontal(&mut svg, axis, [TOP + 24.0, bottom], "Dice");
    for (index, (name, row)) in strips.iter().enumerate() {
        let base = TOP + STRIP * (index + 1) as f64;
        let counts = counts(&dice_of(films, name), axis, width);
        draw_strip(&mut svg, (index, base), (axis, width), &counts);
        let mean = row.statistics(Measure::Dice).map_or(0.0, |dice| dice.mean);
        // Twice, so that it stands out from bars of any colour.
        for class in ["casing", "mean"] {
            svg.line([axis.at(mean), base - BARS - 4.0], [axis.at(mean), base], class);
        }
        let name = format!("{name}: {}, mean {mean:.4}", counted(row.films, "film"));
        svg.text([axis.places[0], base - BARS - 12.0], Anchor::Start, "name", name);
    }
    let article = axis.at(ARTICLE.mean);
    svg.line([article, TOP + 24.0], [article, bottom], "article");
    let legend = vec![
        Entry { sample: Sample::All, name: "mean".to_owned() },
        Entry { sample: Sample::Article, name: format!("mean in the article, {:.3}", ARTICLE.mean) },
    ];
    let sentence = sentence(films, summary.all());
    Figure { title: TITLE, svg: svg.finish("histogram", TITLE, &sentence), legend, sentence }
}

/// How many scores lie in each bin. A bin takes its lower bound in, the last its upper one too.
fn counts(dice: &[f64], axis: Axis, width: f64) -> Vec<usize> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no score is below the axis")]
    let bin = |value: f64| ((value - axis.values[0]) / width + 1e-9) as usize;
    let mut counts = vec![0; bin(axis.values[1])];
    let last = counts.len() - 1;
    for &value in dice {
        counts[bin(value).min(last)] += 1;
    }
    counts
}

fn draw_strip(svg: &mut Svg, (index, base): (usize, f64), (axis, width): (Axis, f64), counts: &[usize]) {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let class = format!("bar {}", source_class(index));
    for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let edge = |bin: usize| axis.at(axis.values[0] + bin as f64 * width);
        let height = BARS * count as f64 / most as f64;
        svg.rectangle([edge(bin) + 0.5, base - height], [edge(bin + 1) - edge(bin) - 1.0, height], &class);
    }
    svg.line([axis.places[0], base], [axis.places[1], base], "axis");
    svg.text([axis.places[0] - 6.0, base - BARS + 4.0], Anchor::End, "tick", most);
    svg.text([axis.places[0] - 6.0, base + 4.0], Anchor::End, "tick", 0);
}

fn sentence(films: &[Scored], all: Option<&Row>) -> String {
    let median = all.and_then(|row| row.statistics(Measure::Dice)).map_or(0.0, |dice| dice.median);
    let low = films.iter().filter(|film| film.measures.overlap.dice() < ARTICLE.minimum).count();
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
    fn every_score_is_in_one_bin() {
        let axis = Axis { values: [0.9, 1.0], places: [0.0, 100.0] };
        assert_eq!(counts(&[0.9, 0.919, 0.92, 0.999, 1.0], axis, 0.02), [2, 1, 0, 0, 2]);
    }

    #[test]
    fn bars_are_as_high_as_their_counts() {
        let mut svg = Svg::new(100.0);
        let axis = Axis { values: [0.0, 1.0], places: [0.0, 100.0] };
        draw_strip(&mut svg, (0, 90.0), (axis, 0.5), &[1, 4]);
        let drawn = svg.finish("x", "x", "x");
        assert!(drawn.contains(r#"y="71.0" width="49.0" height="19.0""#), "{drawn}");
        assert!(drawn.contains(r#"y="14.0" width="49.0" height="76.0""#), "{drawn}");
    }

    #[test]
    fn the_sentence_counts_films_below_the_articles_lowest() {
        let films = [scored("x", "a", [10, 10]), scored("y", "a", [10, 5])];
        let figure = figure(&films, &Summary::of(&films));
        assert!(
            figure.sentence.contains("score 0.8333 or more. Of 2 films, one lies below"),
            "{}",
            figure.sentence
        );
    }
}
