//! The reasons for which a film is not segmented.

use crate::engine::EngineError;
use lungfield_codec::DecodeError;
use lungfield_codec::reference::ReferenceError;
use lungfield_codec::rendering::RenderError;

/// Why a film has no result.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The film is unreadable: send another.
    #[error(transparent)]
    Film(#[from] DecodeError),
    /// The reference mask is unreadable or of another film: send another.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The engine did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The deadline passed outside of the engine.
    #[error("the deadline has passed")]
    DeadlineExceeded,
    /// The result can't be written in the format that was asked for: ask for another.
    #[error(transparent)]
    Render(RenderError),
    /// Decoding or encoding panicked: a defect, which the log names.
    #[error("decoding or encoding broke off")]
    Broken,
}

impl PipelineError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Film(error) => error.code(),
            Self::Reference(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::DeadlineExceeded => EngineError::DeadlineExceeded.code(),
            Self::Render(error) => error.code(),
            Self::Broken => "internal",
        }
    }
}

impl From<RenderError> for PipelineError {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::Film(error) => Self::Film(error),
            RenderError::Defect(defect) => {
                tracing::error!(error = defect, "a result was not written");
                Self::Broken
            }
            error => Self::Render(error),
        }
    }
}
