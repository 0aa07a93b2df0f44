//! The panel of the validation scores.

use std::collections::BTreeSet;

use super::{DICE, entry, series, upwards};
use crate::plot::{DataPoint, LegendEntry, Panel, Scale, Spacing, Symbol, rounded, series_class};
use crate::train::journal::ValidationRecord;

/// Draws the panel of the validation scores.
pub(super) fn draw_scores(
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
