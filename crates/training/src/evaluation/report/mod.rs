//! The report of an evaluation: a page for people, and the same numbers as CSV and JSON for programs.

mod cases_csv;
mod facts;
mod figures;
mod json;
mod page;
#[cfg(test)]
mod tests;
pub mod thumbnail;
mod words;

use std::io;
use std::path::Path;

pub use self::facts::{DataFacts, ModelFacts};
use self::thumbnail::Thumbnail;
use super::measure::ScoredCase;
use super::summary::Summary;
use lungfield_support::files;

/// The page. It needs no other file, no script and no network.
pub const PAGE: &str = "report.html";
/// The list of cases with every measure.
pub const CASES: &str = "cases.csv";
/// All numbers of the page.
pub const DATA: &str = "report.json";

/// The contents of a report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The model.
    pub model: ModelFacts,
    /// The data.
    pub data: DataFacts,
    /// Every case with its measures.
    pub films: Vec<ScoredCase>,
    /// The films with the highest Dice scores, the best first.
    pub best: Vec<Thumbnail>,
    /// The films with the lowest Dice scores, the worst first.
    pub worst: Vec<Thumbnail>,
}

/// Writes [`PAGE`], [`CASES`] and [`DATA`] into a folder, which is created if it does not exist. Each file is replaced
/// whole or not at all.
///
/// ```
/// use lungfield_radiograph::mask::Threshold;
/// use lungfield_training::evaluation::report::{DataFacts, ModelFacts, PAGE, Report, write};
///
/// let model = ModelFacts {
///     name: "example".to_owned(),
///     version: "1.0.0".to_owned(),
///     weights_sha256: String::new(),
///     license: "CC0-1.0".to_owned(),
///     network_width: 16,
///     network: "SegNet".to_owned(),
///     side: 256,
///     flip_averaging: false,
///     threshold: Threshold::HALF,
///     precision: "f32".to_owned(),
///     device: "cpu".to_owned(),
/// };
/// let data = DataFacts {
///     folders: vec!["films".to_owned()],
///     split: "test".to_owned(),
///     date: "2026-05-17".to_owned(),
///     without_reference: 0,
///     training_included: false,
/// };
/// let report = Report { model, data, films: Vec::new(), best: Vec::new(), worst: Vec::new() };
/// let folder = tempfile::tempdir()?;
/// write(&report, folder.path())?;
/// assert!(std::fs::read_to_string(folder.path().join(PAGE))?.contains("No film was scored."));
/// # Ok::<_, std::io::Error>(())
/// ```
pub fn write(report: &Report, folder: &Path) -> io::Result<()> {
    let summary = Summary::of(&report.films);
    fs_err::create_dir_all(folder)?;
    files::replace(&folder.join(CASES), &cases_csv::encode(&report.films)?)?;
    files::replace(&folder.join(DATA), &json::encode(report, &summary)?)?;
    files::replace(
        &folder.join(PAGE),
        page::render(report, &summary).as_bytes(),
    )
}
