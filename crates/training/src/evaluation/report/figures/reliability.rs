//! The reliability diagram: the observed share of lung against the predicted one, and the number of pixels in each bin.

use super::{ACROSS, BELOW, Figure, LEFT, RIGHT, draw_curves, plot_area, source_entries};
use crate::evaluation::calibration::{Bin, Calibration};
use crate::evaluation::summary::{Row, Summary};
use crate::plot::{Anchor, Area, Caption, DataPoint, Drawing, Panel, Pixels, Scale, point};

const CAPTION: Caption<'static> = Caption {
    id: "reliability",
    title: "Calibration",
    description: "",
};
const TOP: f64 = 30.0;
const BOTTOM: f64 = 208.0;
/// The top of the strip with the numbers of pixels.
const STRIP_TOP: f64 = 218.0;
/// The bottom of the strip.
const STRIP_BOTTOM: f64 = 262.0;

pub(super) fn figure(summary: &Summary) -> Figure {
    let across = Scale::linear(0.0, 1.0, ACROSS);
    let up = Pixels {
        start: BOTTOM,
        end: TOP,
    };
    let up = Scale::linear(0.0, 1.0, up);
    let mut drawing = Drawing::new();
    let mut panel = Panel::new(&mut drawing, plot_area(TOP, STRIP_BOTTOM), across);
    panel.columns();
    panel.left_axis(&up, "share of lung");
    panel.bottom_axis("probability that the model gives");
    let diagonal = panel.drawing();
    diagonal.line(point(LEFT, BOTTOM), point(RIGHT, TOP), "rule");
    if let Some(all) = summary.all() {
        draw_pixels(panel.drawing(), &across, &all.calibration);
    }
    draw_curves(&mut panel, summary, &up, series);
    let sentence = summary
        .all()
        .map_or_else(String::new, |all| sentence(&all.calibration));
    let legend = source_entries(summary);
    Figure::new(CAPTION, &drawing, STRIP_BOTTOM + BELOW, legend, sentence)
}

/// Returns a point for each bin that has pixels: the predicted and the observed share of lung.
fn series(row: &Row) -> Vec<DataPoint> {
    let point = |bin: &Bin| {
        Some(DataPoint {
            x: bin.mean_predicted()?,
            y: bin.mean_observed()?,
        })
    };
    row.calibration.bins().iter().filter_map(point).collect()
}

/// Draws a bar for each bin, as high as the logarithm of its number of pixels: nearly all are in the first and last bin.
fn draw_pixels(drawing: &mut Drawing, across: &Scale, calibration: &Calibration) {
    let height = |bin: &Bin| (bin.pixels() as f64 + 1.0).log10();
    let bins = calibration.bins();
    let highest = bins.iter().map(height).fold(1.0, f64::max);
    let edge = |index: usize| across.clamped_pixel(index as f64 / bins.len() as f64);
    for (index, bin) in bins.iter().enumerate() {
        let (left, right) = (edge(index), edge(index + 1));
        let bar = Area {
            left: left + 1.0,
            right: right - 1.0,
            top: STRIP_BOTTOM - (STRIP_BOTTOM - STRIP_TOP) * height(bin) / highest,
            bottom: STRIP_BOTTOM,
        };
        drawing.rectangle(bar, "pixels");
        let label = point(f64::midpoint(left, right), STRIP_BOTTOM - 4.0);
        drawing.text(label, Anchor::Middle, "count", short_count(bin.pixels()));
    }
    let label = point(LEFT - 6.0, STRIP_BOTTOM - 4.0);
    drawing.text(label, Anchor::End, "tick", "pixels");
}

/// Writes a count so that it fits into a narrow bar: `950`, `12k`, `3.4M`.
fn short_count(count: u64) -> String {
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
    let means = |bin: &Bin| Some((bin.mean_predicted()?, bin.mean_observed()?));
    let gap = |(predicted, observed): &(f64, f64)| (predicted - observed).abs();
    let (predicted, observed) = calibration
        .bins()
        .iter()
        .filter_map(means)
        .max_by(|a, b| gap(a).total_cmp(&gap(b)))
        .unwrap_or_default();
    format!(
        "On the diagonal the share of lung is the probability. Above it the model gives too low probabilities, below it \
         too high ones. The largest difference is at {predicted:.2}, where {observed:.2} is lung. Averaged over pixels, \
         most of which are far from any border, the expected calibration error is {:.4}. The bars count the pixels of \
         each tenth, on a logarithmic scale.",
        calibration.expected_error()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures::scored;

    #[test]
    fn only_bins_with_pixels_have_a_point() {
        let films = [scored("x", "a", 5, 4)];
        let summary = Summary::of(&films);
        assert_eq!(series(summary.all().unwrap()).len(), 2);
        let figure = figure(&summary);
        assert_eq!(figure.svg.into_string().matches("<path").count(), 2);
        // One of six pixels is lung at probability 0: 0.17, a larger difference than 0.125.
        assert!(
            figure.sentence.contains("is at 0.00, where 0.17 is lung"),
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
        assert_eq!(counts.map(short_count), expected);
    }
}
