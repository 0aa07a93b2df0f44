//! The picture of a training run: the loss and the learning rate above, the Dice of the validation films below.

use std::collections::BTreeSet;

use super::{StepRecord, ValidationRecord};
use crate::plot::{
    Area, DataPoint, Drawing, LegendEntry, Panel, Pixels, Scale, Spacing, Symbol, draw_legend,
    grouped, rounded, series_class, smoothed, thinned,
};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 600.0;
/// The panels of the loss and of the Dice.
const LOSS: Area = Area {
    left: 64.0,
    right: 704.0,
    top: 74.0,
    bottom: 290.0,
};
const DICE: Area = Area {
    left: 64.0,
    right: 704.0,
    top: 334.0,
    bottom: 550.0,
};
/// The left and right edges of the legends.
const LEGEND: [f64; 2] = [768.0, 948.0];
/// The most points of a curve; more could not be seen.
const MOST_POINTS: usize = 640;
/// The length of the axis of the learning rate, relative to the highest rate.
const RATE_ROOM: f64 = 1.15;
/// The shortest axis of iterations, so that its ticks are whole numbers.
const FEWEST_ITERATIONS: u32 = 10;
/// Rules for the classes that only these curves have.
const RULES: &str = include_str!("curves.css");

/// Draws a run as an SVG document. The records are in the order of their iterations.
///
/// A curve has a gap where a value is not finite. The axis of the loss is logarithmic, so a loss that is not above 0 is a
/// gap too.
///
/// ```
/// use lungfield_training::train::journal::StepRecord;
/// use lungfield_training::train::journal::curves::draw;
///
/// let step = |iteration, loss| StepRecord {
///     iteration,
///     loss,
///     learning_rate: 0.02,
///     images_per_second: 8.0,
///     wait_share: 0.0,
/// };
/// let svg = draw(&[step(10, 0.9), step(20, 0.4)], &[]);
/// assert!(svg.contains("<title>20 iterations</title>"));
/// ```
#[must_use]
pub fn draw(steps: &[StepRecord], validations: &[ValidationRecord]) -> String {
    let last = steps
        .last()
        .map(|step| step.iteration)
        .max(validations.last().map(|record| record.iteration));
    let across = Pixels {
        start: LOSS.left,
        end: LOSS.right,
    };
    let longest = f64::from(last.unwrap_or(0).max(FEWEST_ITERATIONS));
    let iterations = Scale::linear(0.0, longest, across);
    let best = validations.iter().rev().find(|record| record.best);
    let summary = summary(last, best);
    let mut drawing = Drawing::new();
    let mut panel = Panel::new(&mut drawing, LOSS, iterations);
    panel.heading(34.0, &summary);
    let legend = draw_losses(&mut panel, steps, best);
    draw_legend(&mut drawing, beside(LOSS), &legend);
    let mut panel = Panel::new(&mut drawing, DICE, iterations);
    let legend = draw_scores(&mut panel, validations, best);
    panel.bottom_axis("iteration");
    draw_legend(&mut drawing, beside(DICE), &legend);
    drawing.styled_document(WIDTH, HEIGHT, &summary, RULES)
}

/// Describes the run in a line.
fn summary(iteration: Option<u32>, best: Option<&ValidationRecord>) -> String {
    let done = iteration.map(|iteration| format!("{} iterations", grouped(f64::from(iteration))));
    let best = best.map(|best| {
        let iteration = grouped(f64::from(best.iteration));
        format!("best mean Dice {} at {iteration}", rounded(best.mean_dice))
    });
    let parts: Vec<_> = done.into_iter().chain(best).collect();
    if parts.is_empty() {
        "no iteration yet".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Returns the area of the legend beside a panel.
fn beside(panel: Area) -> Area {
    let [left, right] = LEGEND;
    Area {
        left,
        right,
        ..panel
    }
}

/// Returns the pixels of a vertical axis.
fn upwards(panel: Area) -> Pixels {
    Pixels {
        start: panel.bottom,
        end: panel.top,
    }
}

/// Draws the panel of the losses and the learning rates.
fn draw_losses(
    panel: &mut Panel<'_>,
    steps: &[StepRecord],
    best: Option<&ValidationRecord>,
) -> Vec<LegendEntry> {
    panel.columns();
    panel.base_line();
    if let Some(best) = best {
        panel.rule(best.iteration.into(), "rule");
    }
    let mut legend = draw_rate(panel, steps);
    legend.extend(draw_loss(panel, steps));
    legend
}

fn draw_rate(panel: &mut Panel<'_>, steps: &[StepRecord]) -> Vec<LegendEntry> {
    let rates = thinned(
        &series(steps, |step| (step.iteration, step.learning_rate)),
        MOST_POINTS,
    );
    let highest = rates
        .iter()
        .map(|point| point.y)
        .filter(|rate| rate.is_finite())
        .fold(0.0, f64::max);
    if highest <= 0.0 {
        return Vec::new();
    }
    let scale = Scale::linear(0.0, highest * RATE_ROOM, upwards(LOSS));
    panel.right_axis(&scale, "learning rate");
    panel.curve(&rates, &scale, "rate");
    vec![entry("rate", "learning rate", &rates)]
}

fn draw_loss(panel: &mut Panel<'_>, steps: &[StepRecord]) -> Vec<LegendEntry> {
    let label = "training loss, on a logarithmic axis";
    let raw = thinned(
        &series(steps, |step| (step.iteration, step.loss)),
        MOST_POINTS,
    );
    let losses = raw.iter().map(|point| point.y);
    let scale = Scale::around(Spacing::Logarithmic, losses, upwards(LOSS));
    let mut legend = Vec::new();
    if let Some(scale) = &scale {
        panel.left_axis(scale, label);
        panel.curve(&raw, scale, "raw");
        let smooth = smoothed(&raw);
        panel.curve(&smooth, scale, "s0");
        legend.push(entry("raw", "loss", &raw));
        legend.push(entry("s0", "loss, smoothed", &smooth));
    } else {
        panel.title(label);
    }
    if let Some(alarm) = alarm(steps) {
        panel.note(0.9, "alarm", &alarm);
    } else if scale.is_none() {
        panel.note(0.5, "label", "no loss yet");
    }
    legend
}

/// Reports losses that are not finite.
fn alarm(steps: &[StepRecord]) -> Option<String> {
    let mut lost = steps.iter().filter(|step| !step.loss.is_finite());
    let at = format!(
        "the loss is not finite at iteration {}",
        grouped(f64::from(lost.next()?.iteration))
    );
    let more = lost.count();
    Some(if more == 0 {
        at
    } else {
        format!("{at}, nor in {more} later entries")
    })
}

/// Draws the panel of the validation scores.
fn draw_scores(
    panel: &mut Panel<'_>,
    validations: &[ValidationRecord],
    best: Option<&ValidationRecord>,
) -> Vec<LegendEntry> {
    let label = "Dice on the validation films, on a logarithmic axis of 1 − Dice";
    let mean = series(validations, |record| (record.iteration, record.mean_dice));
    let lowest = series(validations, |record| (record.iteration, record.lowest_dice));
    let sources = source_series(validations);
    let all = [&mean, &lowest]
        .into_iter()
        .chain(sources.iter().map(|source| &source.series))
        .flatten();
    panel.columns();
    if let Some(best) = best {
        panel.rule(best.iteration.into(), "rule");
    }
    let scores = all.map(|point| point.y);
    let Some(scale) = Scale::around(Spacing::Dice, scores, upwards(DICE)) else {
        panel.title(label);
        panel.note(0.5, "label", "no validation yet");
        return Vec::new();
    };
    panel.left_axis(&scale, label);
    panel.curve(&mean, &scale, "all");
    panel.curve(&lowest, &scale, "lowest");
    let mut legend = vec![
        entry("all", "all films", &mean),
        entry("lowest", "lowest film", &lowest),
    ];
    // The mean is drawn first: it is wide enough to be seen behind a source with the same scores.
    for (index, source) in sources.iter().enumerate() {
        let class = series_class(index);
        panel.curve(&source.series, &scale, &class);
        legend.push(entry(&class, source.name, &source.series));
    }
    if let Some(best) = best {
        let point = DataPoint {
            x: best.iteration.into(),
            y: best.mean_dice,
        };
        panel.ring(point, &scale);
        legend.insert(
            2,
            LegendEntry {
                symbol: Symbol::Ring,
                name: "best".to_owned(),
                value: rounded(best.mean_dice),
            },
        );
    }
    legend
}

/// The mean Dice of a source over the validations.
struct SourceSeries<'a> {
    name: &'a str,
    series: Vec<DataPoint>,
}

/// Returns the series of each source, sorted by name. A source may be missing from some validations.
fn source_series(validations: &[ValidationRecord]) -> Vec<SourceSeries<'_>> {
    let names: BTreeSet<&str> = validations
        .iter()
        .flat_map(|record| &record.by_source)
        .map(|(source, _)| source.as_str())
        .collect();
    let of_source = |name: &str| {
        validations
            .iter()
            .filter_map(|record| {
                let (_, dice) = record.by_source.iter().find(|(source, _)| source == name)?;
                Some(DataPoint {
                    x: record.iteration.into(),
                    y: *dice,
                })
            })
            .collect()
    };
    names
        .into_iter()
        .map(|name| SourceSeries {
            name,
            series: of_source(name),
        })
        .collect()
}

fn series<T>(records: &[T], point: impl Fn(&T) -> (u32, f64)) -> Vec<DataPoint> {
    records
        .iter()
        .map(|record| {
            let (iteration, y) = point(record);
            DataPoint {
                x: iteration.into(),
                y,
            }
        })
        .collect()
}

/// Returns the legend entry of a curve, with the last value that is finite.
fn entry(class: &str, name: &str, series: &[DataPoint]) -> LegendEntry {
    let last = series.iter().rev().find(|point| point.y.is_finite());
    LegendEntry {
        symbol: Symbol::Curve(class.to_owned()),
        name: name.to_owned(),
        value: last.map_or(String::new(), |point| rounded(point.y)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(iteration: u32, loss: f64) -> StepRecord {
        StepRecord {
            iteration,
            loss,
            learning_rate: 0.05,
            images_per_second: 10.0,
            wait_share: 0.1,
        }
    }

    fn validated(iteration: u32, mean_dice: f64, best: bool) -> ValidationRecord {
        let by_source = vec![
            ("a & b".to_owned(), mean_dice + 0.01),
            ("c".to_owned(), mean_dice - 0.01),
        ];
        ValidationRecord {
            iteration,
            mean_dice,
            lowest_dice: mean_dice / 2.0,
            best,
            by_source,
            seconds: 1.0,
        }
    }

    /// Whether every number in an attribute is finite and inside of the picture.
    fn is_sound(svg: &str) -> bool {
        let attributes = svg
            .split('<')
            .filter_map(|element| Some(element.split_once('>')?.0));
        let words = attributes.flat_map(|attributes| attributes.split(['"', ' ', ',', 'M', 'h']));
        words
            .filter_map(|word| word.parse::<f64>().ok())
            .all(|number| (0.0..=960.0).contains(&number))
    }

    #[test]
    fn a_run_that_has_just_begun_has_a_picture() {
        let svg = draw(&[], &[]);
        assert!(is_sound(&svg), "{svg}");
        assert!(svg.contains("no validation yet"));
        assert_eq!(svg.matches(">1<").count(), 1, "an iteration is whole");
        assert_eq!(
            svg.matches("<polyline").count() + svg.matches("<path").count(),
            0
        );
    }

    #[test]
    fn one_entry_is_a_dot() {
        let svg = draw(&[step(50, 0.7)], &[]);
        assert!(is_sound(&svg), "{svg}");
        assert!(svg.contains("class=\"curve s0 dot\""), "{svg}");
        assert!(svg.contains("no validation yet"));
        let svg = draw(&[], &[validated(200, 0.9, true)]);
        assert!(is_sound(&svg), "{svg}");
        assert!(svg.contains("class=\"curve all dot\"") && svg.contains("class=\"curve s1 dot\""));
    }

    #[test]
    fn a_loss_that_is_no_number_is_a_hole_with_a_word() {
        let steps = [
            step(50, 0.7),
            step(100, f64::NAN),
            step(150, f64::INFINITY),
            step(200, 0.5),
        ];
        let svg = draw(&steps, &[]);
        assert!(is_sound(&svg), "{svg}");
        assert!(svg.contains("the loss is not finite at iteration 100, nor in 1 later entries"));
        assert_eq!(svg.matches("class=\"curve s0 dot\"").count(), 2);
        let lost = draw(&[step(50, f64::NAN)], &[]);
        assert!(
            is_sound(&lost) && lost.contains("at iteration 50<"),
            "{lost}"
        );
    }

    #[test]
    fn the_best_is_the_last_that_was_one() {
        let found = [
            validated(200, 0.8, true),
            validated(400, 0.9, true),
            validated(600, 0.7, false),
        ];
        let svg = draw(&[step(600, 0.25)], &found);
        assert!(svg.contains("<title>600 iterations, best mean Dice 0.9000 at 400</title>"));
        assert_eq!(svg.matches("class=\"rule\"").count(), 2, "in both panels");
        assert_eq!(
            svg.matches("class=\"ring\"").count(),
            2,
            "on the curve and in the legend"
        );
        assert!(svg.contains(">a &amp; b<"));
    }

    #[test]
    fn a_source_that_comes_late_has_a_curve() {
        let early = ValidationRecord {
            by_source: Vec::new(),
            ..validated(200, 0.8, true)
        };
        let svg = draw(&[], &[early, validated(400, 0.9, true)]);
        assert!(
            is_sound(&svg) && svg.contains("class=\"curve s0 dot\""),
            "{svg}"
        );
    }

    #[test]
    fn a_long_run_stays_a_small_file() {
        let steps: Vec<_> = (1..50_000).map(|i| step(i, 1.0 / f64::from(i))).collect();
        let svg = draw(&steps, &[]);
        assert!(is_sound(&svg) && svg.len() < 60_000, "{}", svg.len());
    }

    proptest! {
        #[test]
        fn any_numbers_make_a_sound_picture(
            losses in prop::collection::vec(any::<f64>(), 0..8),
            rate in any::<f64>(),
            scores in prop::collection::vec(any::<f64>(), 0..8),
        ) {
            let steps: Vec<_> = (1..).zip(losses)
                .map(|(i, loss)| StepRecord { learning_rate: rate, ..step(i * 50, loss) })
                .collect();
            let found: Vec<_> = (1..).zip(scores).map(|(i, dice)| validated(i * 200, dice, i % 2 == 0)).collect();
            let svg = draw(&steps, &found);
            prop_assert!(is_sound(&svg), "{svg}");
        }
    }
}
