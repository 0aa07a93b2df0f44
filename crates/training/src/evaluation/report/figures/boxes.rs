//! The box plot of the Dice scores: a box for each source, its films as dots below, and the range of the article.

use super::score_scale::ScoreScale;
use super::{BELOW, Figure, LEFT, dice_of, entry, plot_area};
use crate::evaluation::measure::ScoredCase;
use crate::evaluation::summary::{ARTICLE, Summary};
use crate::plot::{
    Anchor, Area, Caption, Drawing, LegendEntry, Marker, Panel, Symbol, point, series_class,
};
use lungfield_radiograph::surface::quantile;

const CAPTION: Caption<'static> = Caption {
    id: "boxes",
    title: "Spread by source",
    description: "",
};
const TOP: f64 = 8.0;
/// The height of the row of a source.
const ROW: f64 = 74.0;
/// The base line of the name in a row.
const NAME: f64 = 15.0;
/// The top and the bottom of the box in a row.
const BOX: [f64; 2] = [23.0, 41.0];
/// The top and the bottom of the dots in a row.
const DOTS: [f64; 2] = [48.0, 68.0];
/// The height of the row of the article.
const ARTICLE_ROW: f64 = 38.0;
/// The fraction of the golden ratio. Multiples of it, modulo 1, never come close to earlier ones, so dots do not overlap.
const SCATTER: f64 = 0.618_033_988_75;

/// The row of a source.
struct SourceRow<'a> {
    name: &'a str,
    shape: BoxShape,
    class: String,
    top: f64,
}

/// The quartiles and whiskers of a box.
#[derive(Clone, Copy, Debug, PartialEq)]
struct BoxShape {
    quartiles: [f64; 3],
    whiskers: [f64; 2],
}

pub(super) fn figure(films: &[ScoredCase], summary: &Summary) -> Figure {
    let scores = ScoreScale::of(films);
    let rows: Vec<_> = summary
        .sources()
        .enumerate()
        .map(|(index, (name, _))| SourceRow {
            name,
            shape: BoxShape::of(&dice_of(films, name)),
            class: series_class(index),
            top: TOP + ROW * index as f64,
        })
        .collect();
    let article = TOP + ROW * rows.len() as f64;
    let bottom = article + ARTICLE_ROW;
    let mut drawing = Drawing::new();
    let mut panel = Panel::new(&mut drawing, plot_area(TOP, bottom), scores.scale);
    panel.columns();
    panel.bottom_axis("Dice");
    for row in &rows {
        draw_box(&mut drawing, row, scores);
        let own = films.iter().filter(|film| film.source == row.name);
        draw_films(&mut drawing, row, scores, own);
    }
    draw_article(&mut drawing, scores, article);
    let sentence = sentence(&rows) + &scores.about_beyond(films);
    let legend = legend(films, scores);
    Figure::new(CAPTION, &drawing, bottom + BELOW, legend, sentence)
}

fn legend(films: &[ScoredCase], scores: ScoreScale) -> Vec<LegendEntry> {
    let mark = |class: &str, marker| Symbol::Mark(format!("{class} s0"), marker);
    let mut entries = vec![entry(mark("film", Marker::Dot), "a film")];
    if films.iter().any(|film| film.doubtful) {
        let name = "a film with a doubtful reference mask";
        entries.push(entry(mark("doubtful", Marker::Dot), name));
    }
    if films.iter().any(|film| scores.is_beyond(film.dice())) {
        entries.push(entry(mark("film", Marker::Arrow), "a film beyond the axis"));
    }
    entries
}

impl BoxShape {
    /// Computes the quartiles, and the whiskers: the furthest scores within one and a half times the length of the box
    /// (Tukey 1977). `ascending` has at least one score.
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

fn draw_box(drawing: &mut Drawing, row: &SourceRow<'_>, scores: ScoreScale) {
    let class = &row.class;
    let [upper, lower] = BOX.map(|y| row.top + y);
    let middle = f64::midpoint(upper, lower);
    let x = |value: f64| scores.scale.clamped_pixel(value);
    let [first, median, third] = row.shape.quartiles.map(x);
    drawing.text(point(LEFT, row.top + NAME), Anchor::Start, "name", row.name);
    let whisker = format!("whisker {class}");
    for (end, edge) in row.shape.whiskers.map(x).into_iter().zip([first, third]) {
        drawing.line(point(end, middle), point(edge, middle), &whisker);
        drawing.line(point(end, middle - 5.0), point(end, middle + 5.0), &whisker);
    }
    let area = Area {
        left: first,
        right: third.max(first + 1.0),
        top: upper,
        bottom: lower,
    };
    drawing.rectangle(area, &format!("box {class}"));
    drawing.line(point(median, upper), point(median, lower), "median");
}

fn draw_films<'a>(
    drawing: &mut Drawing,
    row: &SourceRow<'_>,
    scores: ScoreScale,
    films: impl Iterator<Item = &'a ScoredCase>,
) {
    for (index, film) in films.enumerate() {
        let dice = film.dice();
        let height = (index as f64 * SCATTER).fract();
        let y = row.top + DOTS[0] + (DOTS[1] - DOTS[0]) * height;
        let kind = if film.doubtful { "doubtful" } else { "film" };
        let marker = if scores.is_beyond(dice) {
            Marker::Arrow
        } else {
            Marker::Dot
        };
        let place = point(scores.scale.clamped_pixel(dice), y);
        let tip = format!("{}: {dice:.4}", film.case);
        drawing.mark_with_tip(place, marker, &format!("{kind} {}", row.class), &tip);
    }
}

fn draw_article(drawing: &mut Drawing, scores: ScoreScale, top: f64) {
    let y = top + 27.0;
    let x = |value: f64| scores.scale.clamped_pixel(value);
    let (minimum, maximum) = (x(ARTICLE.minimum), x(ARTICLE.maximum));
    drawing.text(
        point(LEFT, top + NAME),
        Anchor::Start,
        "name quiet",
        "article: lowest, mean, highest",
    );
    drawing.line(point(minimum, y), point(maximum, y), "range");
    for x in [minimum, x(ARTICLE.mean), maximum] {
        drawing.line(point(x, y - 5.0), point(x, y + 5.0), "range");
    }
}

fn sentence(rows: &[SourceRow<'_>]) -> String {
    let how = "A box holds the middle half of a source's films, the line in it is the median, and the whiskers reach to \
               the furthest film within one and a half box lengths.";
    let median = |row: &&SourceRow<'_>| row.shape.quartiles[1];
    let by_median = |a: &&SourceRow<'_>, b: &&SourceRow<'_>| median(a).total_cmp(&median(b));
    let what = match (rows.iter().max_by(by_median), rows.iter().min_by(by_median)) {
        (Some(high), Some(low)) if high.name != low.name => {
            format!(
                "The median is highest for {}, {:.4}, and lowest for {}, {:.4}.",
                high.name,
                median(&high),
                low.name,
                median(&low)
            )
        }
        (Some(row), _) => {
            let [first, _, third] = row.shape.quartiles;
            format!(
                "The middle half of {} lies between {first:.4} and {third:.4}.",
                row.name
            )
        }
        _ => String::new(),
    };
    format!("{what} {how}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures::scored;

    #[test]
    fn a_box_shows_quartiles_and_the_furthest_scores_that_are_near() {
        let shape = BoxShape::of(&[0.1, 0.5, 0.6, 0.7, 0.8]);
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
        // The upper quartile is 1.25, and the next film, 5, is out of reach.
        let shape = BoxShape::of(&[0.0, 0.0, 0.0, 5.0]);
        assert!(shape.whiskers[1] >= shape.quartiles[2], "{shape:?}");
        let one = BoxShape::of(&[0.9]);
        assert_eq!((one.quartiles, one.whiskers), ([0.9; 3], [0.9; 2]));
    }

    #[test]
    fn every_film_is_a_dot_and_doubtful_ones_are_told_apart() {
        let mut films = vec![
            scored("x", "a", 10, 10),
            scored("y", "a", 10, 9),
            scored("z", "b", 10, 8),
        ];
        films[1].doubtful = true;
        let figure = figure(&films, &Summary::of(&films));
        let svg = figure.svg.into_string();
        assert_eq!(svg.matches("<path").count(), 3);
        assert_eq!(svg.matches(r#"class="doubtful s0""#).count(), 1);
        assert!(svg.contains("<title>z: 0.8889</title>"));
        assert_eq!(figure.legend.len(), 2);
        assert!(
            figure
                .sentence
                .starts_with("The median is highest for a, 0.9737, and lowest for b, 0.8889.")
        );
    }
}
