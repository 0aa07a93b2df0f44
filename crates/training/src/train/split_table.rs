//! Decides what a model directory keeps of its splits: every film by its pixels, so that none is ever tested on that was
//! trained on.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use serde::Deserialize;

use super::dataset::{Case, FilmDigest, Split};
use lungfield_support::{files, sha256};

/// The name of the table in a model directory.
pub const SPLITS: &str = "splits.csv";
/// Its columns.
const COLUMNS: [&str; 5] = ["film_sha256", "split", "source", "patient", "case"];

/// Which film was used for what, and under which names it is known.
///
/// As a file: CSV with the columns `film_sha256, split, source, patient, case`, sorted, so that the same data give the
/// same bytes. A film that is in the data under two names has two lines. There are names of patients in it, as the data
/// set has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitTable {
    films: BTreeMap<FilmDigest, Film>,
    /// The split of each patient, by source and name.
    patients: BTreeMap<(String, String), Split>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Film {
    split: Split,
    names: BTreeSet<Names>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Names {
    source: String,
    patient: String,
    case: String,
}

/// A line of the file.
#[derive(Deserialize)]
struct Row {
    film_sha256: String,
    split: Split,
    source: String,
    patient: String,
    case: String,
}

/// A table that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SplitTableError {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The file is damaged, or is none of this kind.
    #[error("{path} is damaged in line {line}: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// One film in two splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the film {film} is in the split {first} and in {second}")]
pub struct TwoSplits {
    /// The film.
    pub film: FilmDigest,
    /// The split that it is in.
    pub first: Split,
    /// The other one.
    pub second: Split,
}

impl SplitTable {
    /// The table of cases and their films, in any order. Cases without a split are left out.
    pub fn new<'a>(
        films: impl IntoIterator<Item = (&'a Case, FilmDigest)>,
    ) -> Result<Self, TwoSplits> {
        let mut table = Self::default();
        for (case, digest) in films {
            let names = Names {
                source: case.source.clone(),
                patient: case.patient.clone(),
                case: case.name.clone(),
            };
            if let Some(split) = case.split {
                table.add(digest, split, names)?;
            }
        }
        Ok(table)
    }

    fn add(&mut self, digest: FilmDigest, split: Split, names: Names) -> Result<(), TwoSplits> {
        let film = self.films.entry(digest).or_insert_with(|| Film {
            split,
            names: BTreeSet::new(),
        });
        if film.split != split {
            return Err(TwoSplits {
                film: digest,
                first: film.split,
                second: split,
            });
        }
        self.patients
            .insert((names.source.clone(), names.patient.clone()), split);
        film.names.insert(names);
        Ok(())
    }

    /// What a film was used for, or else another film of the patient of its `case`, since patients are used whole and a
    /// film may come in another size or depth; `None` where neither was there.
    #[must_use]
    pub fn split_of(&self, film: &FilmDigest, case: &Case) -> Option<Split> {
        let patient = || {
            self.patients
                .get(&(case.source.clone(), case.patient.clone()))
                .copied()
        };
        self.films.get(film).map(|film| film.split).or_else(patient)
    }

    /// Writes the table into a model directory, whole or not at all.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        files::replace(&directory.join(SPLITS), &self.to_csv())
    }

    /// The sha256 of the file, in hexadecimal: the same films in the same splits have the same.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256::hex(&self.to_csv())
    }

    fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        let mut lines = || {
            writer.write_record(COLUMNS)?;
            for (digest, film) in &self.films {
                for Names {
                    source,
                    patient,
                    case,
                } in &film.names
                {
                    let (digest, split) = (digest.to_string(), film.split.to_string());
                    writer.write_record([&digest, &split, source, patient, case])?;
                }
            }
            writer.flush()?;
            Ok::<_, csv::Error>(())
        };
        lines().expect("memory takes every line, and each has the same columns");
        writer.into_inner().expect("memory takes every line")
    }

    /// Reads the table of a model directory; `None` where it has none, as models do that were trained elsewhere.
    pub fn read(directory: &Path) -> Result<Option<Self>, SplitTableError> {
        let path = directory.join(SPLITS);
        let bytes = match fs_err::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let table = Self::from_csv(&bytes);
        table
            .map(Some)
            .map_err(|(line, reason)| SplitTableError::Damaged { path, line, reason })
    }

    /// The table, or a line and what is wrong with it.
    fn from_csv(bytes: &[u8]) -> Result<Self, (u64, String)> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(bytes);
        let mut records = reader.records();
        let header = records
            .next()
            .transpose()
            .map_err(|error| located(&error))?;
        let header = header.filter(|header| header.iter().eq(COLUMNS));
        let header =
            header.ok_or_else(|| (1, format!("its columns are not {}", COLUMNS.join(","))))?;
        let mut table = Self::default();
        for record in records {
            let record = record.map_err(|error| located(&error))?;
            let line = record.position().map_or(0, csv::Position::line);
            table
                .add_record(&record, &header)
                .map_err(|reason| (line, reason))?;
        }
        if !bytes.ends_with(b"\n") {
            let lines = bytes.split(|byte| *byte == b'\n').count();
            return Err((lines as u64, "it ends early".to_owned()));
        }
        Ok(table)
    }

    fn add_record(&mut self, record: &StringRecord, header: &StringRecord) -> Result<(), String> {
        let row: Row = record
            .deserialize(Some(header))
            .map_err(|error| reason(&error))?;
        let Row {
            film_sha256,
            split,
            source,
            patient,
            case,
        } = row;
        let digest = film_sha256
            .parse::<FilmDigest>()
            .map_err(|error| error.to_string())?;
        self.add(
            digest,
            split,
            Names {
                source,
                patient,
                case,
            },
        )
        .map_err(|error| error.to_string())
    }
}

/// The line in which the reader found an error, and the error.
fn located(error: &csv::Error) -> (u64, String) {
    (
        error.position().map_or(1, csv::Position::line),
        reason(error),
    )
}

/// What is wrong with a line, without its place, which is told apart.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::dataset::builders::{case, phantom};

    /// Three cases of two films, the first of which is there twice, and a case that is not used.
    fn films() -> Vec<(Case, FilmDigest)> {
        let film = |seed| FilmDigest::of(&phantom(seed).film);
        vec![
            (
                case("b", "p, \"the\" first", "x", Some(Split::Train)),
                film(0),
            ),
            (case("a", "q", "y", Some(Split::Test)), film(1)),
            (case("a", "p", "z\nz", Some(Split::Train)), film(0)),
            (case("a", "r", "w", None), film(2)),
        ]
    }

    fn table() -> SplitTable {
        SplitTable::new(films().iter().map(|(case, film)| (case, *film))).unwrap()
    }

    fn refusal(bytes: &[u8]) -> (u64, String) {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join(SPLITS), bytes).unwrap();
        match SplitTable::read(folder.path()) {
            Err(SplitTableError::Damaged { path, line, reason }) => {
                assert_eq!(path, folder.path().join(SPLITS));
                (line, reason)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        table().write(folder.path()).unwrap();
        let read = SplitTable::read(folder.path()).unwrap().unwrap();
        assert_eq!(read, table());
        let found: Vec<_> = films()
            .iter()
            .map(|(case, film)| read.split_of(film, case))
            .collect();
        assert_eq!(
            found,
            [
                Some(Split::Train),
                Some(Split::Test),
                Some(Split::Train),
                None
            ]
        );
        let resized = FilmDigest::of(&phantom(9).film);
        let of_patient = |patient| read.split_of(&resized, &case("a", patient, "v", None));
        assert_eq!(
            [of_patient("q"), of_patient("r")],
            [Some(Split::Test), None]
        );
        let empty = SplitTable::default();
        empty.write(folder.path()).unwrap();
        assert_eq!(SplitTable::read(folder.path()).unwrap(), Some(empty));
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_order() {
        let mut films = films();
        films.reverse();
        let reversed = SplitTable::new(films.iter().map(|(case, film)| (case, *film))).unwrap();
        assert_eq!(reversed.to_csv(), table().to_csv());
        let text = String::from_utf8(table().to_csv()).unwrap();
        assert!(
            text.starts_with("film_sha256,split,source,patient,case\n"),
            "{text}"
        );
        let line = format!("{},test,a,q,y\n", films[2].1);
        assert!(text.contains(&line), "{text}");
    }

    #[test]
    fn a_film_is_in_one_split() {
        let mut films = films();
        films[2].0.split = Some(Split::Test);
        let error = SplitTable::new(films.iter().map(|(case, film)| (case, *film))).unwrap_err();
        assert_eq!(
            error,
            TwoSplits {
                film: films[0].1,
                first: Split::Train,
                second: Split::Test
            }
        );
    }

    #[test]
    fn a_damaged_table_is_refused_with_its_line() {
        let header = COLUMNS.join(",");
        let digest = films()[0].1.to_string();
        let line = format!("{digest},train,a,p,x");
        for (rest, line, says) in [
            (format!("{line}\n{digest},train,a\n"), 3, "3 of 5 fields"),
            (format!("{line}\n{digest},holiday,a,p,x\n"), 3, "holiday"),
            (
                format!("{},train,a,p,x\n", &digest[1..]),
                2,
                "64 hexadecimal digits",
            ),
            (
                format!("{line}\n{digest},test,a,p,y\n"),
                3,
                "in the split train and in test",
            ),
            (format!("{line}\n{digest},train,a,p,y"), 3, "ends early"),
        ] {
            let (found, reason) = refusal(format!("{header}\n{rest}").as_bytes());
            assert!(found == line && reason.contains(says), "{found}: {reason}");
        }
        for bad in ["", "film_sha256,split,source,patient\n", "a,b,c,d,e\n"] {
            let (found, reason) = refusal(bad.as_bytes());
            assert!(found == 1 && reason.contains(&header), "{found}: {reason}");
        }
        let (found, _) = refusal(&[header.as_bytes(), b"\n\xff,train,a,p,x\n"].concat());
        assert_eq!(found, 2);
    }

    #[test]
    fn a_table_that_is_cut_within_a_line_is_refused() {
        let bytes = table().to_csv();
        for length in 0..bytes.len() {
            let cut = &bytes[..length];
            let read = SplitTable::from_csv(cut);
            assert!(read.is_err() || cut.ends_with(b"\n"), "cut at {length}");
        }
    }

    #[test]
    fn a_directory_without_a_table_is_no_error_and_one_that_can_not_be_read_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(SplitTable::read(folder.path()).unwrap(), None);
        fs_err::create_dir(folder.path().join(SPLITS)).unwrap();
        let error = SplitTable::read(folder.path()).unwrap_err();
        assert!(error.to_string().contains(SPLITS), "{error}");
    }
}
