//! Decides how calibration is drawn: what was there against what the model said, and how many pixels say it.

use super::super::super::calibration::{Bin, Calibration};
use super::super::super::summary::{Row, Summary};
use super::super::svg::{Axis, placed};
use super::{Figure, PLOT, draw_horizontal, draw_sources, draw_vertical, source_entries};
use crate::drawing::{Anchor, Drawing};

const TITLE: &str = "Calibration";
const TOP: f64 = 30.0;
const BOTTOM: f64 = 208.0;
/// The strip that shows how many pixels a bin has.
const STRIP: [f64; 2] = [218.0, 262.0];

pub(super) fn figure(summary: &Summary) -> Figure {
    let across = Axis {
        values: [0.0, 1.0],
        places: PLOT,
    };
    let up = Axis {
        values: [0.0, 1.0],
        places: [BOTTOM, TOP],
    };
    let mut drawing = Drawing::new();
    draw_vertical(&mut drawing, up, "share of lung");
    draw_horizontal(
        &mut drawing,
        across,
        [TOP, STRIP[1]],
        "probability that the model gives",
    );
    drawing.line([PLOT[0], BOTTOM], [PLOT[1], TOP], "diagonal");
    let sources: Vec<_> = summary.sources().collect();
    if let Some(all) = summary.all() {
        draw_pixels(&mut drawing, across, &all.calibration);
        if sources.len() > 1 {
            drawing.curve(&points(all, across, up), "curve all");
        }
    }
    draw_sources(
        &mut drawing,
        sources.iter().map(|(_, row)| points(row, across, up)),
    );
    let sentence = summary
        .all()
        .map_or_else(String::new, |all| sentence(&all.calibration));
    let svg = placed(&drawing, STRIP[1] + 42.0, ["reliability", TITLE, &sentence]);
    Figure {
        title: TITLE,
        svg,
        legend: source_entries(summary),
        sentence,
    }
}

/// A point for each bin that has pixels.
fn points(row: &Row, across: Axis, up: Axis) -> Vec<[f64; 2]> {
    means(&row.calibration)
        .map(|(predicted, observed)| [across.at(predicted), up.at(observed)])
        .collect()
}

/// What the model said and what was there, for each bin that has pixels.
fn means(calibration: &Calibration) -> impl Iterator<Item = (f64, f64)> {
    calibration
        .bins()
        .iter()
        .filter_map(|bin| Some((bin.mean_predicted()?, bin.mean_observed()?)))
}

/// Bars as high as the logarithm of the pixels in a bin: nearly all pixels are in the outermost two.
fn draw_pixels(drawing: &mut Drawing, across: Axis, calibration: &Calibration) {
    let height = |bin: &Bin| (bin.pixels() as f64 + 1.0).log10();
    let bins = calibration.bins();
    let highest = bins.iter().map(height).fold(1.0, f64::max);
    for (index, bin) in bins.iter().enumerate() {
        let [left, right] =
            [index, index + 1].map(|edge| across.at(edge as f64 / bins.len() as f64));
        let tall = (STRIP[1] - STRIP[0]) * height(bin) / highest;
        drawing.rectangle(
            [left + 1.0, STRIP[1] - tall],
            [right - left - 2.0, tall],
            "pixels",
        );
        let label = [f64::midpoint(left, right), STRIP[1] - 4.0];
        drawing.text(label, Anchor::Middle, "count", rounded(bin.pixels()));
    }
    drawing.text(
        [PLOT[0] - 6.0, STRIP[1] - 4.0],
        Anchor::End,
        "tick",
        "pixels",
    );
}

/// A count as short as a narrow bar asks: `950`, `12k`, `3.4M`.
fn rounded(count: u64) -> String {
    let scaled = count as f64;
    match count {
        0..1000 => count.to_string(),
        1000..9950 => format!("{:.1}k", scaled / 1e3),
        9950..999_500 => format!("{:.0}k", scaled / 1e3),
        999_500..9_950_000 => format!("{:.1}M", scaled / 1e6),
        _ => format!("{:.0}M", scaled / 1e6),
    }
}

fn sentence(calibration: &Calibration) -> String {
    let gap = |(predicted, observed): &(f64, f64)| (predicted - observed).abs();
    let furthest = means(calibration)
        .max_by(|a, b| gap(a).total_cmp(&gap(b)))
        .unwrap_or_default();
    format!(
        "On the diagonal a probability can be taken at its word; above it the model is too timid, below it too bold. It is \
         furthest off where it says {:.2}: there {:.2} is lung. Averaged over pixels, most of which are far from any \
         border, the expected calibration error is {:.4}. The bars count the pixels of \
         each tenth, on a logarithmic scale.",
        furthest.0,
        furthest.1,
        calibration.expected_error()
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::super::measure::tests::scored;
    use super::*;

    #[test]
    fn only_bins_with_pixels_have_a_point() {
        let films = [scored("x", "a", [5, 4])];
        let summary = Summary::of(&films);
        assert_eq!(means(&summary.all().unwrap().calibration).count(), 2);
        let figure = figure(&summary);
        assert_eq!(figure.svg.matches("<path").count(), 2);
        // One of six pixels is lung where the model says 0: 0.17, a larger gap than 0.125.
        assert!(
            figure
                .sentence
                .contains("where it says 0.00: there 0.17 is lung"),
            "{}",
            figure.sentence
        );
        assert!(
            figure.sentence.contains("error is 0.1500."),
            "{}",
            figure.sentence
        );
    }

    #[test]
    fn counts_fit_into_a_bar() {
        let counts = [
            0, 999, 1000, 9949, 9950, 999_499, 999_500, 9_949_999, 12_345_678,
        ];
        let expected = [
            "0", "999", "1.0k", "9.9k", "10k", "999k", "1.0M", "9.9M", "12M",
        ];
        assert_eq!(counts.map(rounded), expected);
    }
}
