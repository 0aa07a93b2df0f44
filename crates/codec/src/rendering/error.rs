//! The reasons for which a result can't be written.

use crate::DecodeError;
use crate::dicom::WriteError;
use lungfield_radiograph::overlap::SizeMismatch;

/// The most runs of a reference mask that a document contains: those of a mask of 8000 columns, each of which crosses 60 borders. A
/// small file can hold many more, and would come back as a thousand times its size.
pub const MAX_ECHOED_RUNS: usize = 1_000_000;

/// Why a result is not written, told apart by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The film is unreadable: send another.
    #[error(transparent)]
    Film(#[from] DecodeError),
    /// A DICOM object was asked for about a film that is no DICOM object itself: send it as DICOM, or ask for another format.
    #[error("the film is no DICOM object, and an object about it needs its patient and its study")]
    NotDicom,
    /// A segmentation object was asked for and the mask has no lung: ask for JSON, which says so.
    #[error("no lung was found, and a segmentation object needs one")]
    NoLung,
    /// The reference mask has more runs than a document contains: ask for a document without it.
    #[error(
        "the reference mask has more than {MAX_ECHOED_RUNS} runs; ask without having it given back"
    )]
    ReferenceTooFine,
    /// The parts of the result don't fit together: a defect.
    #[error("the result could not be written: {0}")]
    Defect(String),
}

impl RenderError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Film(error) => error.code(),
            Self::NotDicom => "source_not_dicom",
            Self::NoLung => "nothing_to_segment",
            Self::ReferenceTooFine => "reference_too_fine",
            Self::Defect(_) => "internal",
        }
    }
}

impl From<WriteError> for RenderError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NoLung => Self::NoLung,
            WriteError::Defect => Self::Defect(error.to_string()),
        }
    }
}

impl From<SizeMismatch> for RenderError {
    /// Film, mask and reference mask have one size wherever a result is written.
    fn from(error: SizeMismatch) -> Self {
        Self::Defect(error.to_string())
    }
}
