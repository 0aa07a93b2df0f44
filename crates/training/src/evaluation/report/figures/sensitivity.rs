//! The sensitivity to the threshold: the mean Dice of each source at each threshold.

use super::{ACROSS, BELOW, Figure, draw_curves, plot_area, source_entries};
use crate::evaluation::measure::{Measure, thresholds};
use crate::evaluation::summary::{Row, Summary};
use crate::plot::{Anchor, Caption, DataPoint, Drawing, Panel, Pixels, Scale, Step, point};
use lungfield_radiograph::mask::Threshold;

const CAPTION: Caption<'static> = Caption {
    id: "sensitivity",
    title: "Sensitivity to the threshold",
    description: "",
};
const TOP: f64 = 30.0;
const BOTTOM: f64 = 262.0;
/// A threshold is as good as the best if its mean Dice is at most this much lower.
const EQUALLY_GOOD: f64 = 0.005;

pub(super) fn figure(summary: &Summary, threshold: Threshold) -> Figure {
    let across = Scale::linear(0.0, 1.0, ACROSS);
    let up = Pixels {
        start: BOTTOM,
        end: TOP,
    };
    let up = Scale::linear(lowest_tick(summary), 1.0, up);
    let mut drawing = Drawing::new();
    let mut panel = Panel::new(&mut drawing, plot_area(TOP, BOTTOM), across);
    panel.columns();
    panel.left_axis(&up, "mean Dice");
    panel.bottom_axis("threshold");
    draw_threshold(panel.drawing(), &across, threshold);
    draw_curves(&mut panel, summary, &up, series);
    let sentence = summary
        .all()
        .map_or_else(String::new, |all| sentence(all, threshold));
    let legend = source_entries(summary);
    Figure::new(CAPTION, &drawing, BOTTOM + BELOW, legend, sentence)
}

/// Returns a round value below every curve.
fn lowest_tick(summary: &Summary) -> f64 {
    let lowest = summary
        .rows
        .iter()
        .flat_map(|row| row.dice_by_threshold)
        .fold(0.95, f64::min);
    let step = Step::at_least((1.0 - lowest) / 6.0).size();
    (lowest / step).floor() * step
}

/// Returns a point for each threshold.
fn series(row: &Row) -> Vec<DataPoint> {
    let thresholds = thresholds().map(|threshold| f64::from(threshold.get()));
    thresholds
        .into_iter()
        .zip(row.dice_by_threshold)
        .map(|(x, y)| DataPoint { x, y })
        .collect()
}

fn draw_threshold(drawing: &mut Drawing, across: &Scale, threshold: Threshold) {
    let threshold = f64::from(threshold.get());
    let x = across.clamped_pixel(threshold);
    drawing.line(point(x, TOP - 8.0), point(x, BOTTOM), "in-use");
    let (anchor, beside) = if threshold < 0.7 {
        (Anchor::Start, 5.0)
    } else {
        (Anchor::End, -5.0)
    };
    let text = format_args!("in use: {threshold:.2}");
    drawing.text(point(x + beside, TOP - 9.0), anchor, "label", text);
}

fn sentence(all: &Row, threshold: Threshold) -> String {
    let curve = series(all);
    let best = curve.iter().max_by(|a, b| a.y.total_cmp(&b.y));
    let best = *best.expect("there are thresholds");
    // Only the thresholds next to the best count, so that a second maximum does not widen the range.
    let is_good = |point: &&DataPoint| point.y >= best.y - EQUALLY_GOOD;
    let low = curve
        .iter()
        .rev()
        .filter(|point| point.x <= best.x)
        .take_while(is_good)
        .last();
    let high = curve
        .iter()
        .filter(|point| point.x >= best.x)
        .take_while(is_good)
        .last();
    let used = all.statistics(Measure::Dice).map_or(0.0, |dice| dice.mean);
    format!(
        "Over all films mean Dice is highest, {:.4}, at {:.2}; the threshold in use, {:.2}, gives {used:.4}. From {:.2} to \
         {:.2} it stays within {EQUALLY_GOOD} of the highest. A threshold is chosen on validation films, not on those \
         that are reported.",
        best.y,
        best.x,
        threshold.get(),
        low.map_or(best.x, |point| point.x),
        high.map_or(best.x, |point| point.x),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures::scored;
    use crate::evaluation::measure::THRESHOLDS;

    #[test]
    fn the_sentence_names_the_best_threshold_and_how_broad_it_is() {
        // The probability of what was found is 0.875: every threshold up to 0.85 gives the same mask.
        let films = [scored("x", "a", 10, 9)];
        let found = figure(&Summary::of(&films), Threshold::HALF).sentence;
        assert!(
            found.contains("highest, 0.9474, at 0.85; the threshold in use, 0.50, gives 0.9474."),
            "{found}"
        );
        assert!(
            found.contains("From 0.05 to 0.85 it stays within 0.005"),
            "{found}"
        );
    }

    #[test]
    fn each_source_has_its_curve_and_all_films_have_theirs() {
        let films = [scored("x", "a", 10, 9), scored("y", "b", 10, 8)];
        let two = figure(&Summary::of(&films), Threshold::HALF)
            .svg
            .into_string();
        assert_eq!(two.matches("<polyline").count(), 3);
        assert!(two.contains("in use: 0.50"));
        let one = figure(&Summary::of(&films[..1]), Threshold::HALF)
            .svg
            .into_string();
        assert_eq!(one.matches("<polyline").count(), 1);
        assert_eq!(one.matches("<path").count(), THRESHOLDS);
    }

    #[test]
    fn curves_stay_on_the_plot() {
        let films = [scored("x", "a", 10, 1)];
        assert!(
            lowest_tick(&Summary::of(&films)).abs() < 1e-12,
            "above 0.85 nothing is found"
        );
    }
}
