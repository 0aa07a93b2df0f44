//! The error of reading the files of one case.

use std::path::PathBuf;

use lungfield_codec::DecodeError;
use lungfield_codec::reference::ReferenceError;
use lungfield_radiograph::geometry::Size;

/// A film or a reference mask of a case that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The file is missing or can't be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The film can't be decoded.
    #[error("{path}: {cause}")]
    Film {
        /// The file of the film.
        path: PathBuf,
        /// The reason.
        cause: DecodeError,
    },
    /// The reference mask can't be decoded, or does not fit its film.
    #[error("{path}: {cause}")]
    Reference {
        /// The file of the reference mask.
        path: PathBuf,
        /// The reason.
        cause: ReferenceError,
    },
    /// An SCR mask does not have the size of the SCR masks.
    #[error("{path}: the mask is {found} pixels; those of JSRT films are 1024×1024")]
    ScrSize {
        /// The file of the reference mask.
        path: PathBuf,
        /// The size of the mask.
        found: Size,
    },
}
