//! Decides which cases there are: reads the list of a data set, and the film and reference mask of a case.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::codec::reference::{ReferenceError, decode_reference, matching};
use crate::codec::{DecodeError, Limits, decode};
use crate::mask::Mask;
use crate::radiograph::Radiograph;

/// The list of cases in a data set's folder.
const CASES: &str = "cases.csv";

/// What a case is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Seen in training.
    Train,
    /// Scored during training, to choose weights.
    Validation,
    /// Scored afterwards, to report.
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// A film, its reference mask, and where they come from.
#[derive(Clone, Debug)]
pub struct Case {
    /// The case's name in its data set.
    pub name: String,
    /// The data set that it was published in.
    pub source: String,
    /// What the case is used for.
    pub split: Split,
    image: PathBuf,
    reference: PathBuf,
}

/// A data set that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The list of cases is missing or can't be read.
    #[error("the list of cases {path} can't be read: {cause}")]
    List {
        /// The list.
        path: PathBuf,
        /// What went wrong.
        cause: csv::Error,
    },
    /// A file of a case can't be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The film of a case is no film.
    #[error("{path}: {cause}")]
    Film {
        /// The film.
        path: PathBuf,
        /// What went wrong.
        cause: DecodeError,
    },
    /// The reference mask of a case is none for its film.
    #[error("{path}: {cause}")]
    Reference {
        /// The reference mask.
        path: PathBuf,
        /// What went wrong.
        cause: ReferenceError,
    },
    /// Nothing to work on.
    #[error("{folder} has no {split} case")]
    Empty {
        /// The data set's folder.
        folder: PathBuf,
        /// What was asked for.
        split: Split,
    },
}

/// One line of `cases.csv`; further columns are allowed.
#[derive(Deserialize)]
struct Row {
    case: String,
    source: String,
    image: PathBuf,
    reference: PathBuf,
    split: Split,
}

/// The cases of `split` in `folder/cases.csv`, in its order; at least one.
///
/// The list has the columns `case, source, image, reference, split`, paths being relative to the folder.
pub fn cases(folder: &Path, split: Split) -> Result<Vec<Case>, DatasetError> {
    let path = folder.join(CASES);
    let list = |cause| DatasetError::List { path: path.clone(), cause };
    let mut reader = csv::Reader::from_path(&path).map_err(list)?;
    let rows = reader.deserialize().collect::<Result<Vec<Row>, _>>().map_err(list)?;
    let cases: Vec<_> =
        rows.into_iter().filter(|row| row.split == split).map(|row| row.in_folder(folder)).collect();
    if cases.is_empty() {
        return Err(DatasetError::Empty { folder: folder.to_owned(), split });
    }
    Ok(cases)
}

impl Row {
    fn in_folder(self, folder: &Path) -> Case {
        Case {
            name: self.case,
            source: self.source,
            split: self.split,
            image: folder.join(self.image),
            reference: folder.join(self.reference),
        }
    }
}

impl Case {
    /// Reads and decodes the film.
    pub fn film(&self) -> Result<Radiograph, DatasetError> {
        let bytes = fs_err::read(&self.image)?;
        decode(&bytes, &Limits::default())
            .map_err(|cause| DatasetError::Film { path: self.image.clone(), cause })
    }

    /// Reads and decodes the reference mask of `film`.
    pub fn reference(&self, film: &Radiograph) -> Result<Mask, DatasetError> {
        let bytes = fs_err::read(&self.reference)?;
        decode_reference(&bytes, &Limits::default())
            .and_then(|mask| matching(mask, film.size()))
            .map_err(|cause| DatasetError::Reference { path: self.reference.clone(), cause })
    }
}
