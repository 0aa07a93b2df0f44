//! Decides what programs read of a report: every number on the page, and the films that they come from.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::super::calibration::Calibration;
use super::super::measure::{Measure, Scored, THRESHOLDS, thresholds};
use super::super::statistics::{CONFIDENCE, RESAMPLES, Statistics};
use super::super::summary::{ARTICLE, Article, Group, Row, Summary};
use super::super::warned::Warned;
use super::picture::Picture;
use super::{DataFacts, ModelFacts, Report};

/// The format that this version writes.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    model: &'a ModelFacts,
    data: &'a DataFacts,
    bootstrap: Bootstrap,
    article: Article,
    /// What the fields `dice_by_threshold` go by.
    thresholds: [f64; THRESHOLDS],
    groups: Vec<GroupRow<'a>>,
    warnings: Warnings,
    best: Vec<Named<'a>>,
    worst: Vec<Named<'a>>,
    films: Vec<Film<'a>>,
}

#[derive(Serialize)]
struct Bootstrap {
    resamples: usize,
    confidence: f64,
}

#[derive(Serialize)]
struct GroupRow<'a> {
    group: &'static str,
    /// Of a group that is a source.
    source: Option<&'a str>,
    films: usize,
    measures: BTreeMap<Measure, Measured<'a>>,
    dice_by_threshold: [f64; THRESHOLDS],
    calibration: Calibration,
}

#[derive(Serialize)]
struct Measured<'a> {
    undefined: usize,
    /// `null` where the measure is undefined on every film.
    statistics: Option<&'a Statistics>,
}

/// What a server would have warned of.
#[derive(Serialize)]
struct Warnings {
    films_with_warnings: usize,
    films_by_code: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct Named<'a> {
    case: &'a str,
    source: &'a str,
}

#[derive(Serialize)]
struct Film<'a> {
    case: &'a str,
    source: &'a str,
    doubtful_reference: bool,
    width_px: u32,
    height_px: u32,
    warnings: Vec<&'static str>,
    /// `null` where a measure is undefined.
    measures: BTreeMap<Measure, Option<f64>>,
    dice_by_threshold: [f64; THRESHOLDS],
    calibration: Calibration,
}

/// The report as indented JSON.
pub(super) fn report(report: &Report, summary: &Summary) -> io::Result<Vec<u8>> {
    let document = Document {
        format: FORMAT,
        model: &report.model,
        data: &report.data,
        bootstrap: Bootstrap {
            resamples: RESAMPLES,
            confidence: CONFIDENCE,
        },
        article: ARTICLE,
        thresholds: std::array::from_fn(twentieths),
        groups: summary.0.iter().map(GroupRow::of).collect(),
        warnings: Warnings::of(&report.films),
        best: report.best.iter().map(Named::of).collect(),
        worst: report.worst.iter().map(Named::of).collect(),
        films: report.films.iter().map(Film::of).collect(),
    };
    Ok(serde_json::to_vec_pretty(&document)?)
}

/// A threshold as a person writes it, 0.15 and not 0.15000000596.
fn twentieths(index: usize) -> f64 {
    (f64::from(thresholds()[index].get()) * 100.0).round() / 100.0
}

impl<'a> GroupRow<'a> {
    fn of(row: &'a Row) -> Self {
        let (group, source) = match &row.group {
            Group::Source(name) => ("source", Some(name.as_str())),
            Group::All => ("all", None),
            Group::AllButDoubtful => ("all_but_doubtful", None),
        };
        let measured = |measure| {
            let undefined = row.undefined(measure);
            (
                measure,
                Measured {
                    undefined,
                    statistics: row.statistics(measure),
                },
            )
        };
        Self {
            group,
            source,
            films: row.films,
            measures: Measure::ALL.map(measured).into(),
            dice_by_threshold: row.dice_by_threshold,
            calibration: row.calibration,
        }
    }
}

impl Warnings {
    fn of(films: &[Scored]) -> Self {
        let Warned {
            warned, by_warning, ..
        } = Warned::of(films);
        let by_code = by_warning
            .into_iter()
            .map(|(warning, films)| (warning.code(), films));
        Self {
            films_with_warnings: warned,
            films_by_code: by_code.collect(),
        }
    }
}

impl<'a> Named<'a> {
    fn of(picture: &'a Picture) -> Self {
        Self {
            case: &picture.case,
            source: &picture.source,
        }
    }
}

impl<'a> Film<'a> {
    fn of(film: &'a Scored) -> Self {
        let measures = &film.measures;
        Self {
            case: &film.case,
            source: &film.source,
            doubtful_reference: film.doubtful,
            width_px: measures.size.width(),
            height_px: measures.size.height(),
            warnings: film.warnings.iter().map(|warning| warning.code()).collect(),
            measures: Measure::ALL
                .map(|measure| (measure, measure.of(measures)))
                .into(),
            dice_by_threshold: measures.by_threshold,
            calibration: measures.calibration,
        }
    }
}
