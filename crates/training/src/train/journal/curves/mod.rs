//! The picture of a training run: the loss and the learning rate above, the Dice of the validation films below.

mod scores;
#[cfg(test)]
mod tests;

use self::scores::draw_scores;
use super::{StepRecord, ValidationRecord};
use crate::plot::{
    Area, DataPoint, Drawing, LegendEntry, Panel, Pixels, Scale, Spacing, Symbol, draw_legend,
    grouped, rounded, smoothed, thinned,
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
