//! The report as JSON: every number of the page, and the cases behind them.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::thumbnail::Thumbnail;
use super::{DataFacts, ModelFacts, Report};
use crate::evaluation::calibration::Calibration;
use crate::evaluation::measure::{Measure, ScoredCase, THRESHOLDS, thresholds};
use crate::evaluation::statistics::{CONFIDENCE, RESAMPLES, Statistics};
use crate::evaluation::summary::{ARTICLE, Article, Group, Row, Summary};
use crate::evaluation::warning_counts::WarningCounts;

/// The version of the format.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    model: &'a ModelFacts,
    data: &'a DataFacts,
    bootstrap: Bootstrap,
    article: Article,
    /// The thresholds of the fields `dice_by_threshold`.
    thresholds: [f64; THRESHOLDS],
    groups: Vec<GroupRecord<'a>>,
    warnings: WarningRecord,
    best: Vec<CaseRef<'a>>,
    worst: Vec<CaseRef<'a>>,
    films: Vec<CaseRecord<'a>>,
}

#[derive(Serialize)]
struct Bootstrap {
    resamples: usize,
    confidence: f64,
}

#[derive(Serialize)]
struct GroupRecord<'a> {
    group: &'static str,
    /// The source, if the group is one.
    source: Option<&'a str>,
    films: usize,
    measures: BTreeMap<Measure, MeasureRecord<'a>>,
    dice_by_threshold: [f64; THRESHOLDS],
    calibration: Calibration,
}

#[derive(Serialize)]
struct MeasureRecord<'a> {
    undefined: usize,
    /// `null` if the measure is undefined for every case.
    statistics: Option<&'a Statistics>,
}

/// The numbers of cases with warnings.
#[derive(Serialize)]
struct WarningRecord {
    films_with_warnings: usize,
    films_by_code: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct CaseRef<'a> {
    case: &'a str,
    source: &'a str,
}

#[derive(Serialize)]
struct CaseRecord<'a> {
    case: &'a str,
    source: &'a str,
    doubtful_reference: bool,
    width_px: u32,
    height_px: u32,
    warnings: Vec<&'static str>,
    /// `null` for a measure that is undefined.
    measures: BTreeMap<Measure, Option<f64>>,
    dice_by_threshold: [f64; THRESHOLDS],
    calibration: Calibration,
}

/// Encodes the report as indented JSON.
pub(super) fn encode(report: &Report, summary: &Summary) -> io::Result<Vec<u8>> {
    let document = Document {
        format: FORMAT,
        model: &report.model,
        data: &report.data,
        bootstrap: Bootstrap {
            resamples: RESAMPLES,
            confidence: CONFIDENCE,
        },
        article: ARTICLE,
        thresholds: thresholds().map(|threshold| rounded(threshold.get())),
        groups: summary.rows.iter().map(GroupRecord::of).collect(),
        warnings: WarningRecord::of(&report.films),
        best: report.best.iter().map(CaseRef::of).collect(),
        worst: report.worst.iter().map(CaseRef::of).collect(),
        films: report.films.iter().map(CaseRecord::of).collect(),
    };
    Ok(serde_json::to_vec_pretty(&document)?)
}

/// Rounds a threshold to two decimal places, so that it is written as 0.15 and not as 0.15000000596.
fn rounded(threshold: f32) -> f64 {
    (f64::from(threshold) * 100.0).round() / 100.0
}

impl<'a> GroupRecord<'a> {
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
                MeasureRecord {
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

impl WarningRecord {
    fn of(films: &[ScoredCase]) -> Self {
        let WarningCounts {
            warned, by_warning, ..
        } = WarningCounts::of(films);
        let by_code = by_warning
            .into_iter()
            .map(|(warning, films)| (warning.code(), films));
        Self {
            films_with_warnings: warned,
            films_by_code: by_code.collect(),
        }
    }
}

impl<'a> CaseRef<'a> {
    fn of(thumbnail: &'a Thumbnail) -> Self {
        Self {
            case: &thumbnail.case,
            source: &thumbnail.source,
        }
    }
}

impl<'a> CaseRecord<'a> {
    fn of(film: &'a ScoredCase) -> Self {
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
