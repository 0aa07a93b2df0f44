//! Lists the cases of the layout [`DatasetLayout::Cases`](crate::dataset::DatasetLayout::Cases): one case in each line of `cases.csv`.

use std::path::{Path, PathBuf};

use csv::StringRecord;
use serde::Deserialize;

use super::collector::Collector;
use crate::dataset::case::{Case, FilmFile, ReferenceFiles};
use crate::dataset::layout::CASES;
use crate::dataset::problem::{CaseName, Problem};
use crate::dataset::split::Split;

/// The columns that every list must have.
const REQUIRED: [&str; 4] = ["case", "source", "image", "reference"];

/// A line of the list. Paths are relative to the folder of the list. Unknown columns are ignored.
#[derive(Deserialize)]
struct Row {
    case: String,
    source: String,
    image: PathBuf,
    reference: PathBuf,
    #[serde(default)]
    patient: Option<String>,
    #[serde(default)]
    split: Option<Split>,
    #[serde(default)]
    finding: Option<String>,
    #[serde(default)]
    doubtful_reference: Option<Doubtful>,
}

/// Whether a reference mask is doubtful. An empty field means no.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Doubtful {
    Yes,
    No,
}

/// Lists the cases in `folder/cases.csv`, in the order of its lines.
pub(super) fn list(folder: &Path, collector: &mut Collector) -> Result<(), Problem> {
    let path = folder.join(CASES);
    let bytes = fs_err::read(&path)?;
    let bad_line = |reason: String| Problem::Line {
        path: path.clone(),
        reason,
    };
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let columns = reader
        .headers()
        .map_err(|error| bad_line(error.to_string()))?
        .clone();
    let missing: Vec<_> = REQUIRED
        .into_iter()
        .filter(|required| columns.iter().all(|column| column != *required))
        .collect();
    if !missing.is_empty() {
        return Err(Problem::Columns { path, missing });
    }
    for record in reader.records() {
        match record
            .map_err(|error| error.to_string())
            .and_then(|record| parse_row(&record, &columns))
        {
            Ok(row) => add(folder, row, collector),
            Err(reason) => collector.problems.push(bad_line(reason)),
        }
    }
    Ok(())
}

/// Parses a line.
fn parse_row(record: &StringRecord, columns: &StringRecord) -> Result<Row, String> {
    let row: Row = record
        .deserialize(Some(columns))
        .map_err(|error| error.to_string())?;
    if row.case.is_empty() || row.source.is_empty() {
        let line = record.position().map_or(0, csv::Position::line);
        return Err(format!("line {line} names no case or no source"));
    }
    Ok(row)
}

fn add(folder: &Path, row: Row, collector: &mut Collector) {
    let Row {
        case: name,
        source,
        image,
        reference,
        patient,
        split,
        finding,
        doubtful_reference,
    } = row;
    let (image, reference) = (folder.join(image), folder.join(reference));
    let case = || CaseName {
        source: source.clone(),
        name: name.clone(),
    };
    let has_film = image.is_file();
    let has_mask = reference.is_file();
    if !has_film {
        collector.problems.push(Problem::NoFilm {
            case: case(),
            path: image.clone(),
        });
    }
    if !has_mask {
        collector.miss_mask(case(), reference.clone());
    }
    if has_film && has_mask {
        collector.cases.push(Case {
            patient: patient.unwrap_or_else(|| name.clone()),
            name,
            source,
            finding,
            doubtful: doubtful_reference == Some(Doubtful::Yes),
            split,
            film: FilmFile::Image(image),
            reference: ReferenceFiles::Whole(reference),
        });
    }
}
