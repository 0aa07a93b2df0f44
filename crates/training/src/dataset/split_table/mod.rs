//! The split table of a model directory: the split of every film, so that no film is trained on and later tested.

mod csv_file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use self::csv_file::{Damage, from_csv, to_csv};
use super::case::Case;
use super::digest::FilmDigest;
use super::split::Split;
use lungfield_support::{files, sha256};

/// The name of the table in a model directory.
pub const SPLITS: &str = "splits.csv";

/// The split of each film of a training run, with the names of the film.
///
/// The file is a CSV with the columns `film_sha256, split, source, patient, case`. Its lines are sorted, so the same data
/// give the same bytes. A film that is in the data under two names has two lines. The names of patients are those of
/// the data set.
///
/// ```
/// use lungfield_training::dataset::SplitTable;
///
/// let directory = tempfile::tempdir()?;
/// assert_eq!(SplitTable::read(directory.path())?, None);
///
/// let table = SplitTable::default();
/// table.write(directory.path())?;
/// assert_eq!(SplitTable::read(directory.path())?, Some(table));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitTable {
    films: BTreeMap<FilmDigest, TableFilm>,
    /// The split of each patient, by source and name.
    patients: BTreeMap<(String, String), Split>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TableFilm {
    split: Split,
    names: BTreeSet<Names>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Names {
    source: String,
    patient: String,
    case: String,
}

/// A split table that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SplitTableError {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The file is damaged, or is not a split table.
    #[error("{path} is damaged in line {line}: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1 on.
        line: u64,
        /// What is wrong with the line.
        reason: String,
    },
}

/// A film that is in two splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the film {film} is in the split {first} and in {second}")]
pub struct TwoSplits {
    /// The film.
    pub film: FilmDigest,
    /// The first split of the film.
    pub first: Split,
    /// The second split of the film.
    pub second: Split,
}

impl SplitTable {
    /// Makes the table of cases and their films, in any order. Cases without a split are left out.
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
        let film = self.films.entry(digest).or_insert_with(|| TableFilm {
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

    /// Returns the split of a film. If the film is not in the table, returns the split of another film of the patient of
    /// `case`, since a patient is in one split, and the same film may come in another size or depth.
    #[must_use]
    pub fn split_of(&self, film: &FilmDigest, case: &Case) -> Option<Split> {
        let patient = || {
            self.patients
                .get(&(case.source.clone(), case.patient.clone()))
                .copied()
        };
        self.films.get(film).map(|film| film.split).or_else(patient)
    }

    /// Writes the table into a model directory. The file is replaced whole or not at all.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        files::replace(&directory.join(SPLITS), &to_csv(self))
    }

    /// Returns the SHA-256 of the file, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256::hex(&to_csv(self))
    }

    /// Reads the table of a model directory. Returns `None` if the directory has none, as that of a model that was
    /// trained with another program.
    pub fn read(directory: &Path) -> Result<Option<Self>, SplitTableError> {
        let path = directory.join(SPLITS);
        let bytes = match fs_err::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        from_csv(&bytes)
            .map(Some)
            .map_err(|Damage { line, reason }| SplitTableError::Damaged { path, line, reason })
    }
}
