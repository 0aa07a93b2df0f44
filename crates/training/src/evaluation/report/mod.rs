//! Decides what the report of an evaluation holds, and writes it: a page for people, and the same as CSV and JSON for
//! programs.

mod cases;
mod figure;
mod html;
mod json;
mod page;
pub mod picture;
mod svg;
mod tables;

use std::io;
use std::path::Path;

use serde::Serialize;

use self::picture::Picture;
use super::measure::Scored;
use super::summary::Summary;
use lungfield_radiograph::mask::Threshold;
use lungfield_support::files;

/// The page: one file that needs no other, no script and no network.
pub const PAGE: &str = "report.html";
/// A line for each film, with every measure.
pub const CASES: &str = "cases.csv";
/// All numbers of the page.
pub const DATA: &str = "report.json";

/// Which model was evaluated, and how it was run.
#[derive(Clone, Debug, Serialize)]
pub struct ModelFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The sha256 of its weights, in hexadecimal.
    pub weights_sha256: String,
    /// The terms on which the weights may be used.
    pub license: String,
    /// Channels of the network's first block.
    pub network_width: u16,
    /// The side of the square model grid, in pixels.
    pub side: u32,
    /// Whether each film was segmented together with its mirror image.
    pub flip_averaging: bool,
    /// The probability from which on a pixel was lung.
    pub threshold: Threshold,
    /// The numbers in which the network computed, as in `bf16`.
    pub precision: String,
    /// Where it ran, as in `cpu`.
    pub device: String,
}

/// On which films.
#[derive(Clone, Debug, Serialize)]
pub struct DataFacts {
    /// The names of the data sets' folders.
    pub folders: Vec<String>,
    /// Which cases of them were taken, as in `test`.
    pub split: String,
    /// The day of the evaluation, as in `2026-05-17`.
    pub date: String,
    /// How many films of them were left out, since they have no reference mask.
    pub without_reference: usize,
    /// Whether the model has seen some of these films in training; the page then begins with a warning.
    pub training_included: bool,
}

/// Everything that a report shows.
#[derive(Clone, Debug)]
pub struct Report {
    /// The model.
    pub model: ModelFacts,
    /// The data.
    pub data: DataFacts,
    /// Every film with its measures.
    pub films: Vec<Scored>,
    /// The films with the highest Dice scores, the best first.
    pub best: Vec<Picture>,
    /// Those with the lowest, the worst first.
    pub worst: Vec<Picture>,
}

/// Writes [`PAGE`], [`CASES`] and [`DATA`] into `folder`, which is made where it does not exist. Each file is replaced
/// whole or not at all.
pub fn write(report: &Report, folder: &Path) -> io::Result<()> {
    let summary = Summary::of(&report.films);
    fs_err::create_dir_all(folder)?;
    files::replace(&folder.join(CASES), &cases::cases(&report.films)?)?;
    files::replace(&folder.join(DATA), &json::report(report, &summary)?)?;
    files::replace(&folder.join(PAGE), page::page(report, &summary).as_bytes())
}

#[cfg(test)]
mod tests;
