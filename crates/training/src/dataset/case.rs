//! A case of a data set, and how its film and its reference mask are read from their files.

use std::path::{Path, PathBuf};

use super::error::CaseError;
use super::files::jsrt;
use super::split::Split;
use lungfield_codec::reference::decode_reference;
use lungfield_codec::{Limits, decode};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::Radiograph;

/// A film and its reference mask on disk, with what the data set says about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The name of the case in its data set.
    pub name: String,
    /// The data set in which the case was published.
    pub source: String,
    /// The patient, unique within the source. Where the data set does not tell patients apart, the name of the case.
    pub patient: String,
    /// The finding on the film, in the words of the data set. It is `normal` where there is none.
    pub finding: Option<String>,
    /// Whether the reference mask is known to be doubtful.
    pub doubtful: bool,
    /// The split of the case, once it is decided.
    pub split: Option<Split>,
    pub(super) film: FilmFile,
    pub(super) reference: ReferenceFiles,
}

/// The file of a film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FilmFile {
    /// An image of a format that [`decode`] reads.
    Image(PathBuf),
    /// The bare pixels of a JSRT film.
    Jsrt(PathBuf),
}

/// The files of a reference mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReferenceFiles {
    /// One mask of both lungs.
    Whole(PathBuf),
    /// A mask of each lung, on the grid of the film.
    Lungs([PathBuf; 2]),
    /// A mask of each lung of a JSRT film, on a grid of half as many rows and columns.
    Scr([PathBuf; 2]),
}

impl Case {
    /// Reads and decodes the film.
    pub fn film(&self) -> Result<Radiograph, CaseError> {
        match &self.film {
            FilmFile::Image(path) => {
                decode(&fs_err::read(path)?, &Limits::default()).map_err(|cause| CaseError::Film {
                    path: path.clone(),
                    cause,
                })
            }
            FilmFile::Jsrt(path) => jsrt::read_film(path),
        }
    }

    /// Reads and decodes the reference mask of `film`, on the grid of the film. The masks of single lungs are united.
    pub fn reference(&self, film: &Radiograph) -> Result<Mask, CaseError> {
        match &self.reference {
            ReferenceFiles::Whole(path) => read_mask(path, film.size()),
            ReferenceFiles::Lungs([left, right]) => {
                let both = read_mask(left, film.size())?.union(&read_mask(right, film.size())?);
                Ok(both.expect("both masks were checked to have the film's size"))
            }
            ReferenceFiles::Scr(lungs) => jsrt::read_reference(lungs),
        }
    }
}

fn read_mask(path: &Path, film: Size) -> Result<Mask, CaseError> {
    decode_reference(&fs_err::read(path)?, film, &Limits::default()).map_err(|cause| {
        CaseError::Reference {
            path: path.to_owned(),
            cause,
        }
    })
}
