//! The split table as CSV.

use csv::StringRecord;
use serde::Deserialize;

use super::{Names, SplitTable};
use crate::dataset::digest::FilmDigest;
use crate::dataset::split::Split;

/// The columns of the file.
pub(super) const COLUMNS: [&str; 5] = ["film_sha256", "split", "source", "patient", "case"];

/// A line of the file.
#[derive(Deserialize)]
struct Row {
    film_sha256: String,
    split: Split,
    source: String,
    patient: String,
    case: String,
}

/// The reason why a file can't be read.
#[derive(Debug)]
pub(super) struct Damage {
    /// The number of the line, from 1 on.
    pub(super) line: u64,
    /// What is wrong with the line.
    pub(super) reason: String,
}

/// Encodes a table.
pub(super) fn to_csv(table: &SplitTable) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let mut write_lines = || {
        writer.write_record(COLUMNS)?;
        for (digest, film) in &table.films {
            for names in &film.names {
                let (digest, split) = (digest.to_string(), film.split.to_string());
                let Names {
                    source,
                    patient,
                    case,
                } = names;
                writer.write_record([&digest, &split, source, patient, case])?;
            }
        }
        writer.flush()?;
        Ok::<_, csv::Error>(())
    };
    write_lines().expect("memory takes every line, and each has the same columns");
    writer.into_inner().expect("memory takes every line")
}

/// Decodes a table.
pub(super) fn from_csv(bytes: &[u8]) -> Result<SplitTable, Damage> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes);
    let mut records = reader.records();
    let header = records.next().transpose().map_err(|error| damage(&error))?;
    let header = header
        .filter(|header| header.iter().eq(COLUMNS))
        .ok_or_else(|| Damage {
            line: 1,
            reason: format!("its columns are not {}", COLUMNS.join(",")),
        })?;
    let mut table = SplitTable::default();
    for record in records {
        let record = record.map_err(|error| damage(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        add_record(&mut table, &record, &header).map_err(|reason| Damage { line, reason })?;
    }
    if !bytes.ends_with(b"\n") {
        return Err(Damage {
            line: bytes.split(|byte| *byte == b'\n').count() as u64,
            reason: "it ends early".to_owned(),
        });
    }
    Ok(table)
}

fn add_record(
    table: &mut SplitTable,
    record: &StringRecord,
    header: &StringRecord,
) -> Result<(), String> {
    let row: Row = record
        .deserialize(Some(header))
        .map_err(|error| reason(&error))?;
    let digest = row
        .film_sha256
        .parse::<FilmDigest>()
        .map_err(|error| error.to_string())?;
    let names = Names {
        source: row.source,
        patient: row.patient,
        case: row.case,
    };
    table
        .add(digest, row.split, names)
        .map_err(|error| error.to_string())
}

fn damage(error: &csv::Error) -> Damage {
    Damage {
        line: error.position().map_or(1, csv::Position::line),
        reason: reason(error),
    }
}

/// Describes an error without its position, which is reported separately.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("it has {len} of {expected_len} fields")
        }
        csv::ErrorKind::Utf8 { err, .. } => err.to_string(),
        _ => error.to_string(),
    }
}
