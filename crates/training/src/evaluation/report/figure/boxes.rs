//! Decides how the box plot of Dice is drawn: a box for each source with its films as dots below, and the article's
//! range.

use super::super::super::measure::Scored;
use super::super::super::summary::{ARTICLE, Article, Summary};
use super::super::svg::{ARROW, Axis, DOT, placed};
use super::scores::ScoreAxis;
use super::{Entry, Figure, Sample, dice_of, draw_horizontal, source_class};
use crate::drawing::{Anchor, Drawing};
use lungfield_radiograph::surface::quantile;

const TITLE: &str = "Spread by source";
const TOP: f64 = 8.0;
/// Height of a source's row, and within it of the name, of the box and of the dots.
const ROW: f64 = 74.0;
const NAME: f64 = 15.0;
const BOX: [f64; 2] = [23.0, 41.0];
const DOTS: [f64; 2] = [48.0, 68.0];
const ARTICLE_ROW: f64 = 38.0;
/// Steps of this length between 0 and 1 never come close to where they have been: the golden ratio's fraction.
const SCATTER: f64 = 0.618_033_988_75;

/// What a box shows of some scores.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shape {
    quartiles: [f64; 3],
    whiskers: [f64; 2],
}

pub(super) fn figure(films: &[Scored], summary: &Summary) -> Figure {
    let scores = ScoreAxis::of(films);
    let axis = scores.axis;
    let names: Vec<&str> = summary.sources().map(|(name, _)| name).collect();
    let article = TOP + ROW * names.len() as f64;
    let mut drawing = Drawing::new();
    draw_horizontal(&mut drawing, axis, [TOP, article + ARTICLE_ROW], "Dice");
    let mut shapes = Vec::new();
    for (index, &name) in names.iter().enumerate() {
        let top = TOP + ROW * index as f64;
        let shape = Shape::of(&dice_of(films, name));
        drawing.text([axis.places[0], top + NAME], Anchor::Start, "name", name);
        draw_box(&mut drawing, axis, (top, index), shape);
        let own: Vec<_> = films.iter().filter(|film| film.source == name).collect();
        draw_films(&mut drawing, scores, (top, index), &own);
        shapes.push((name, shape));
    }
    draw_article(&mut drawing, axis, article);
    let sentence = sentence(&shapes) + &scores.about_beyond(films);
    let svg = placed(
        &drawing,
        article + ARTICLE_ROW + 42.0,
        ["boxes", TITLE, &sentence],
    );
    Figure {
        title: TITLE,
        svg,
        legend: legend(films, scores),
        sentence,
    }
}

fn legend(films: &[Scored], scores: ScoreAxis) -> Vec<Entry> {
    let mut entries = vec![Entry {
        sample: Sample::Film,
        name: "a film".to_owned(),
    }];
    if films.iter().any(|film| film.doubtful) {
        let name = "a film with a doubtful reference mask".to_owned();
        entries.push(Entry {
            sample: Sample::Doubtful,
            name,
        });
    }
    if films
        .iter()
        .any(|film| scores.is_beyond(film.measures.overlap.dice()))
    {
        entries.push(Entry {
            sample: Sample::Beyond,
            name: "a film beyond the axis".to_owned(),
        });
    }
    entries
}

impl Shape {
    /// Quartiles, and the furthest scores within one and a half times the box's length (Tukey 1977). `ascending` has at
    /// least one score.
    fn of(ascending: &[f64]) -> Self {
        let quartiles = [0.25, 0.5, 0.75].map(|share| quantile(ascending, share));
        let reach = 1.5 * (quartiles[2] - quartiles[0]);
        let within = |value: &&f64| (quartiles[0] - reach..=quartiles[2] + reach).contains(*value);
        let ends = [
            ascending.iter().find(within),
            ascending.iter().rev().find(within),
        ];
        // An interpolated quartile may lie beyond every film that is near enough.
        let lower = ends[0].copied().unwrap_or(quartiles[0]).min(quartiles[0]);
        let upper = ends[1].copied().unwrap_or(quartiles[2]).max(quartiles[2]);
        Self {
            quartiles,
            whiskers: [lower, upper],
        }
    }
}

fn draw_box(drawing: &mut Drawing, axis: Axis, (top, index): (f64, usize), shape: Shape) {
    let class = source_class(index);
    let [upper, lower] = BOX.map(|y| top + y);
    let middle = f64::midpoint(upper, lower);
    let [first, median, third] = shape.quartiles.map(|value| axis.at(value));
    for (whisker, edge) in shape.whiskers.into_iter().zip([first, third]) {
        let end = axis.at(whisker);
        drawing.line([end, middle], [edge, middle], &format!("whisker {class}"));
        drawing.line(
            [end, middle - 5.0],
            [end, middle + 5.0],
            &format!("whisker {class}"),
        );
    }
    drawing.rectangle(
        [first, upper],
        [(third - first).max(1.0), lower - upper],
        &format!("box {class}"),
    );
    drawing.line([median, upper], [median, lower], "median");
}

fn draw_films(
    drawing: &mut Drawing,
    scores: ScoreAxis,
    (top, index): (f64, usize),
    films: &[&Scored],
) {
    for (place, film) in films.iter().enumerate() {
        let dice = film.measures.overlap.dice();
        let y = top + DOTS[0] + (DOTS[1] - DOTS[0]) * (place as f64 * SCATTER).fract();
        let kind = if film.doubtful { "doubtful" } else { "film" };
        let class = format!("{kind} {}", source_class(index));
        let shape = if scores.is_beyond(dice) { ARROW } else { DOT };
        let tip = format!("{}: {dice:.4}", film.case);
        drawing.pointed_out([scores.axis.at(dice), y], shape, &class, tip);
    }
}

fn draw_article(drawing: &mut Drawing, axis: Axis, top: f64) {
    let Article {
        mean,
        minimum,
        maximum,
        ..
    } = ARTICLE;
    let y = top + 27.0;
    drawing.text(
        [axis.places[0], top + NAME],
        Anchor::Start,
        "name quiet",
        "article: lowest, mean, highest",
    );
    drawing.line([axis.at(minimum), y], [axis.at(maximum), y], "range");
    for value in [minimum, mean, maximum] {
        drawing.line(
            [axis.at(value), y - 5.0],
            [axis.at(value), y + 5.0],
            "range",
        );
    }
}

fn sentence(shapes: &[(&str, Shape)]) -> String {
    let how = "A box holds the middle half of a source's films, the line in it is the median, and the whiskers reach to \
               the furthest film within one and a half box lengths.";
    let by_median =
        |a: &&(&str, Shape), b: &&(&str, Shape)| a.1.quartiles[1].total_cmp(&b.1.quartiles[1]);
    let what = match (
        shapes.iter().max_by(by_median),
        shapes.iter().min_by(by_median),
    ) {
        (Some((high, one)), Some((low, other))) if high != low => {
            let [one, other] = [one, other].map(|shape| shape.quartiles[1]);
            format!("The median is highest for {high}, {one:.4}, and lowest for {low}, {other:.4}.")
        }
        (Some((name, shape)), _) => {
            let [first, _, third] = shape.quartiles;
            format!("The middle half of {name} lies between {first:.4} and {third:.4}.")
        }
        _ => String::new(),
    };
    format!("{what} {how}")
}

#[cfg(test)]
mod tests {
    use super::super::super::super::measure::tests::scored;
    use super::*;

    #[test]
    fn a_box_shows_quartiles_and_the_furthest_scores_that_are_near() {
        let shape = Shape::of(&[0.1, 0.5, 0.6, 0.7, 0.8]);
        for (found, expected) in shape.quartiles.into_iter().zip([0.5, 0.6, 0.7]) {
            assert!((found - expected).abs() < 1e-12, "{shape:?}");
        }
        assert!(
            (shape.whiskers[0] - 0.5).abs() < 1e-12 && (shape.whiskers[1] - 0.8).abs() < 1e-12,
            "{shape:?}"
        );
    }

    #[test]
    fn whiskers_never_end_inside_of_the_box() {
        // The upper quartile is 1.25 and the next film, 5, out of reach.
        let shape = Shape::of(&[0.0, 0.0, 0.0, 5.0]);
        assert!(shape.whiskers[1] >= shape.quartiles[2], "{shape:?}");
        let one = Shape::of(&[0.9]);
        assert_eq!((one.quartiles, one.whiskers), ([0.9; 3], [0.9; 2]));
    }

    #[test]
    fn every_film_is_a_dot_and_doubtful_ones_are_told_apart() {
        let mut films = vec![
            scored("x", "a", [10, 10]),
            scored("y", "a", [10, 9]),
            scored("z", "b", [10, 8]),
        ];
        films[1].doubtful = true;
        let figure = figure(&films, &Summary::of(&films));
        assert_eq!(figure.svg.matches("<path").count(), 3);
        assert_eq!(figure.svg.matches(r#"class="doubtful s0""#).count(), 1);
        assert!(figure.svg.contains("<title>z: 0.8889</title>"));
        assert_eq!(figure.legend.len(), 2);
        assert!(
            figure
                .sentence
                .starts_with("The median is highest for a, 0.9737, and lowest for b, 0.8889.")
        );
    }
}
