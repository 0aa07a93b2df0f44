//! Decides what the picture of a training run shows: the loss and the learning rate above, the validation Dice below,
//! over one axis of iterations.

use std::collections::BTreeSet;
use std::ops::Range;

use super::axis::{Axis, Spacing, grouped, rounded};
use super::panel::{COLUMNS, Panel};
use super::series::{Point, smoothed, thinned};
use super::style::{SOURCE_STYLES, picture};
use super::{StepRecord, ValidationRecord};
use crate::drawing::{Anchor, Drawing};

const SIZE: [f64; 2] = [960.0, 600.0];
/// From the foot of each panel to its head.
const LOSS_ROWS: Range<f64> = 290.0..70.0;
const DICE_ROWS: Range<f64> = 546.0..326.0;
/// The points of a curve; more would not be seen.
const MOST_POINTS: usize = 640;
/// What the axis of the learning rate has room for above the highest.
const RATE_ROOM: f64 = 1.15;
/// The least length of the axis of iterations, so that all its ticks are whole.
const FEWEST_ITERATIONS: u32 = 10;

/// Draws a run as an SVG document. Entries are in the order of their iterations.
///
/// A curve has a hole where a value is not finite, or not above 0 for the loss, whose axis is logarithmic.
#[must_use]
pub fn draw(steps: &[StepRecord], validations: &[ValidationRecord]) -> String {
    let last = steps
        .last()
        .map(|step| step.iteration)
        .max(validations.last().map(|found| found.iteration));
    let iterations = Axis::from_zero(f64::from(last.unwrap_or(0).max(FEWEST_ITERATIONS)), COLUMNS);
    let best = validations.iter().rev().find(|found| found.best);
    let summary = summary(last, best);
    let mut drawing = Drawing::new();
    drawing.text([COLUMNS.start, 32.0], Anchor::Start, "title", &summary);

    let mut panel = Panel::new(
        &mut drawing,
        &iterations,
        LOSS_ROWS,
        "training loss, on a logarithmic axis",
    );
    best.inspect(|best| panel.mark(best.iteration));
    draw_rate(&mut panel, steps);
    draw_loss(&mut panel, steps);
    panel.finish();

    let mut panel = Panel::new(
        &mut drawing,
        &iterations,
        DICE_ROWS,
        "Dice on the validation films, on a logarithmic axis of 1 − Dice",
    );
    best.inspect(|best| panel.mark(best.iteration));
    draw_dice(&mut panel, validations, best);
    panel.iterations();
    panel.finish();
    picture(&drawing, SIZE, &summary)
}

/// The run in a line.
fn summary(iteration: Option<u32>, best: Option<&ValidationRecord>) -> String {
    let done = iteration.map(|iteration| format!("{} iterations", grouped(f64::from(iteration))));
    let best = best.map(|best| {
        let iteration = grouped(f64::from(best.iteration));
        format!("best mean Dice {} at {iteration}", rounded(best.mean_dice))
    });
    let told: Vec<_> = done.into_iter().chain(best).collect();
    if told.is_empty() {
        "no iteration yet".to_owned()
    } else {
        told.join(", ")
    }
}

fn draw_rate(panel: &mut Panel<'_>, steps: &[StepRecord]) {
    let points = thinned(
        &points(steps, |step| Some((step.iteration, step.learning_rate))),
        MOST_POINTS,
    );
    let highest = points
        .iter()
        .map(|point| point.1)
        .filter(|rate| rate.is_finite())
        .fold(0.0, f64::max);
    if highest > 0.0 {
        let axis = Axis::from_zero(highest * RATE_ROOM, LOSS_ROWS);
        panel.right_axis(&axis, "learning rate");
        panel.curve("rate", "learning rate", &points, &axis);
    }
}

fn draw_loss(panel: &mut Panel<'_>, steps: &[StepRecord]) {
    let raw = thinned(
        &points(steps, |step| Some((step.iteration, step.loss))),
        MOST_POINTS,
    );
    let axis = Axis::around(
        Spacing::Logarithmic,
        raw.iter().map(|point| point.1),
        LOSS_ROWS,
    );
    if let Some(axis) = &axis {
        panel.left_axis(axis);
        panel.curve("raw", "loss", &raw, axis);
        panel.curve("loss", "loss, smoothed", &smoothed(&raw), axis);
    }
    if let Some(alarm) = alarm(steps) {
        panel.say("alarm", 0.9, &alarm);
    } else if axis.is_none() {
        panel.say("muted", 0.5, "no loss yet");
    }
}

/// What to say of losses that are not finite.
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

fn draw_dice(
    panel: &mut Panel<'_>,
    validations: &[ValidationRecord],
    best: Option<&ValidationRecord>,
) {
    let mean = points(validations, |found| {
        Some((found.iteration, found.mean_dice))
    });
    let lowest = points(validations, |found| {
        Some((found.iteration, found.lowest_dice))
    });
    let sources: BTreeSet<&str> = validations
        .iter()
        .flat_map(|found| &found.by_source)
        .map(|(source, _)| source.as_str())
        .collect();
    let sources: Vec<_> = sources
        .into_iter()
        .map(|source| (source, of_source(validations, source)))
        .collect();
    let all = [&mean, &lowest]
        .into_iter()
        .chain(sources.iter().map(|(_, points)| points))
        .flatten();
    let Some(axis) = Axis::around(Spacing::Dice, all.map(|point| point.1), DICE_ROWS) else {
        return panel.say("muted", 0.5, "no validation yet");
    };
    panel.left_axis(&axis);
    panel.curve("mean", "all films", &mean, &axis);
    panel.curve("lowest", "lowest film", &lowest, &axis);
    if let Some(best) = best {
        panel.explain("best", "best", best.mean_dice);
    }
    // In front of the mean, which is wide enough to be seen behind a source that does as well.
    for (index, (source, points)) in sources.iter().enumerate() {
        panel.curve(
            &format!("source{}", index % SOURCE_STYLES),
            source,
            points,
            &axis,
        );
    }
    if let Some(best) = best {
        panel.ring("best", (f64::from(best.iteration), best.mean_dice), &axis);
    }
}

fn of_source(validations: &[ValidationRecord], source: &str) -> Vec<Point> {
    points(validations, |found| {
        let (_, dice) = found.by_source.iter().find(|(name, _)| name == source)?;
        Some((found.iteration, *dice))
    })
}

fn points<T>(entries: &[T], point: impl Fn(&T) -> Option<(u32, f64)>) -> Vec<Point> {
    entries
        .iter()
        .filter_map(point)
        .map(|(iteration, value)| (f64::from(iteration), value))
        .collect()
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
        assert!(svg.contains("class=\"curve loss dot\""), "{svg}");
        assert!(svg.contains("no validation yet"));
        let svg = draw(&[], &[validated(200, 0.9, true)]);
        assert!(is_sound(&svg), "{svg}");
        assert!(
            svg.contains("class=\"curve mean dot\"") && svg.contains("class=\"curve source1 dot\"")
        );
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
        assert_eq!(svg.matches("class=\"curve loss dot\"").count(), 2);
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
        assert_eq!(
            svg.matches("class=\"reached\"").count(),
            2,
            "in both panels"
        );
        assert_eq!(
            svg.matches("class=\"best\"").count(),
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
            is_sound(&svg) && svg.contains("class=\"curve source0 dot\""),
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
