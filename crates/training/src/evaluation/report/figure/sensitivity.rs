//! Decides how sensitivity is drawn: the mean Dice of each source at each threshold, with the one in use marked.

use super::super::super::measure::{Measure, THRESHOLDS, thresholds};
use super::super::super::summary::{Row, Summary};
use super::super::svg::{Axis, placed, step};
use super::{Figure, PLOT, draw_horizontal, draw_sources, draw_vertical, source_entries};
use crate::drawing::{Anchor, Drawing};
use lungfield_radiograph::mask::Threshold;

const TITLE: &str = "Sensitivity to the threshold";
const TOP: f64 = 30.0;
const BOTTOM: f64 = 262.0;
/// How far below the highest mean Dice a threshold still counts as equally good.
const EQUALLY_GOOD: f64 = 0.005;

pub(super) fn figure(summary: &Summary, threshold: Threshold) -> Figure {
    let across = Axis {
        values: [0.0, 1.0],
        places: PLOT,
    };
    let up = Axis {
        values: [floor(summary), 1.0],
        places: [BOTTOM, TOP],
    };
    let mut drawing = Drawing::new();
    draw_vertical(&mut drawing, up, "mean Dice");
    draw_horizontal(&mut drawing, across, [TOP, BOTTOM], "threshold");
    draw_threshold(&mut drawing, across, threshold);
    let sources: Vec<_> = summary.sources().collect();
    if let Some(all) = summary.all().filter(|_| sources.len() > 1) {
        drawing.curve(&points(all, across, up), "curve all");
    }
    draw_sources(
        &mut drawing,
        sources.iter().map(|(_, row)| points(row, across, up)),
    );
    let sentence = summary
        .all()
        .map_or_else(String::new, |all| sentence(all, threshold));
    let svg = placed(&drawing, BOTTOM + 42.0, ["sensitivity", TITLE, &sentence]);
    Figure {
        title: TITLE,
        svg,
        legend: source_entries(summary),
        sentence,
    }
}

/// A round value below every curve.
fn floor(summary: &Summary) -> f64 {
    let lowest = summary
        .0
        .iter()
        .flat_map(|row| row.dice_by_threshold)
        .fold(0.95, f64::min);
    let (step, _) = step((1.0 - lowest) / 6.0);
    (lowest / step).floor() * step
}

fn points(row: &Row, across: Axis, up: Axis) -> Vec<[f64; 2]> {
    let places = thresholds().map(|threshold| across.at(threshold.get().into()));
    places
        .into_iter()
        .zip(row.dice_by_threshold)
        .map(|(x, dice)| [x, up.at(dice)])
        .collect()
}

fn draw_threshold(drawing: &mut Drawing, across: Axis, threshold: Threshold) {
    let threshold = f64::from(threshold.get());
    let x = across.at(threshold);
    drawing.line([x, TOP - 8.0], [x, BOTTOM], "in-use");
    let (anchor, beside) = if threshold < 0.7 {
        (Anchor::Start, 5.0)
    } else {
        (Anchor::End, -5.0)
    };
    drawing.text(
        [x + beside, TOP - 9.0],
        anchor,
        "label",
        format_args!("in use: {threshold:.2}"),
    );
}

fn sentence(all: &Row, threshold: Threshold) -> String {
    let curve: [(f32, f64); THRESHOLDS] =
        std::array::from_fn(|index| (thresholds()[index].get(), all.dice_by_threshold[index]));
    let best = curve
        .into_iter()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or_default();
    // Around the best, so that a curve with a second hill does not make the range wider than it is.
    let is_good = |(_, dice): &&(f32, f64)| *dice >= best.1 - EQUALLY_GOOD;
    let low = curve
        .iter()
        .rev()
        .filter(|point| point.0 <= best.0)
        .take_while(is_good)
        .last();
    let high = curve
        .iter()
        .filter(|point| point.0 >= best.0)
        .take_while(is_good)
        .last();
    let used = all.statistics(Measure::Dice).map_or(0.0, |dice| dice.mean);
    format!(
        "Over all films mean Dice is highest, {:.4}, at {:.2}; the threshold in use, {:.2}, gives {used:.4}. From {:.2} to \
         {:.2} it stays within {EQUALLY_GOOD} of the highest. A threshold is chosen on validation films, not on those \
         that are reported.",
        best.1,
        best.0,
        threshold.get(),
        low.map_or(best.0, |point| point.0),
        high.map_or(best.0, |point| point.0),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::super::measure::tests::scored;
    use super::*;

    #[test]
    fn the_sentence_names_the_best_threshold_and_how_broad_it_is() {
        // Probability 0.875 where lung was found: every threshold up to 0.85 gives the same mask.
        let films = [scored("x", "a", [10, 9])];
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
        let films = [scored("x", "a", [10, 9]), scored("y", "b", [10, 8])];
        let two = figure(&Summary::of(&films), Threshold::HALF).svg;
        assert_eq!(two.matches("<polyline").count(), 3);
        assert!(two.contains("in use: 0.50"));
        let one = figure(&Summary::of(&films[..1]), Threshold::HALF).svg;
        assert_eq!(one.matches("<polyline").count(), 1);
        assert_eq!(one.matches("<path").count(), THRESHOLDS);
    }

    #[test]
    fn curves_stay_on_the_plot() {
        let films = [scored("x", "a", [10, 1])];
        assert!(
            floor(&Summary::of(&films)).abs() < 1e-12,
            "above 0.85 nothing is found"
        );
    }
}
