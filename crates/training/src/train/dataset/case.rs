//! Decides what a case is, and how its film and its reference mask are read from their files.

use std::path::{Path, PathBuf};

use super::{Split, jsrt};
use lungfield_codec::reference::{ReferenceError, decode_reference};
use lungfield_codec::{DecodeError, Limits, decode};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::Radiograph;

/// A film, its reference mask, and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The case's name in its data set.
    pub name: String,
    /// The data set that it was published in.
    pub source: String,
    /// The patient, by a name that holds within the source; the case's own name where patients are not told apart.
    pub patient: String,
    /// What was found on the film, in the data set's words; `normal` where nothing was.
    pub finding: Option<String>,
    /// Whether the reference mask is known to be doubtful.
    pub doubtful: bool,
    /// What the case is used for, once that is decided.
    pub split: Option<Split>,
    pub(super) film: FilmFile,
    pub(super) reference: ReferenceFile,
}

/// The file of a film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FilmFile {
    /// An image of a format that [`decode`] knows.
    Picture(PathBuf),
    /// The bare pixels of a JSRT film.
    Jsrt(PathBuf),
}

/// The files of a reference mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReferenceFile {
    /// One mask of both lungs.
    Whole(PathBuf),
    /// A mask for each lung, on the film's own grid.
    Lungs([PathBuf; 2]),
    /// A mask for each lung of a JSRT film.
    Scr([PathBuf; 2]),
}

/// A film or a reference mask that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file is missing or can't be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The file is no film.
    #[error("{path}: {cause}")]
    Film {
        /// The film.
        path: PathBuf,
        /// What went wrong.
        cause: DecodeError,
    },
    /// The file is no reference mask for its film.
    #[error("{path}: {cause}")]
    Reference {
        /// The reference mask.
        path: PathBuf,
        /// What went wrong.
        cause: ReferenceError,
    },
    /// The file is not one of the SCR masks.
    #[error("{path}: the mask is {found} pixels; those of JSRT films are 1024×1024")]
    ScrSize {
        /// The reference mask.
        path: PathBuf,
        /// Its size.
        found: Size,
    },
}

impl Case {
    /// Reads and decodes the film.
    pub fn film(&self) -> Result<Radiograph, DatasetError> {
        match &self.film {
            FilmFile::Picture(path) => {
                decode(&fs_err::read(path)?, &Limits::default()).map_err(|cause| {
                    DatasetError::Film {
                        path: path.clone(),
                        cause,
                    }
                })
            }
            FilmFile::Jsrt(path) => jsrt::film(path),
        }
    }

    /// Reads and decodes the reference mask of `film`, on its grid. Masks of single lungs are united.
    pub fn reference(&self, film: &Radiograph) -> Result<Mask, DatasetError> {
        match &self.reference {
            ReferenceFile::Whole(path) => reference(path, film.size()),
            ReferenceFile::Lungs([left, right]) => {
                let both = reference(left, film.size())?.union(&reference(right, film.size())?);
                Ok(both.expect("both masks were checked to have the film's size"))
            }
            ReferenceFile::Scr(lungs) => jsrt::reference(lungs),
        }
    }
}

fn reference(path: &Path, film: Size) -> Result<Mask, DatasetError> {
    decode_reference(&fs_err::read(path)?, film, &Limits::default()).map_err(|cause| {
        DatasetError::Reference {
            path: path.to_owned(),
            cause,
        }
    })
}
