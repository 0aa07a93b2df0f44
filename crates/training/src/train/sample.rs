//! Decides what training and validation keep of a case in memory: planes on the model grid.

use std::sync::Arc;

use lungfield_radiograph::geometry::{Geometry, ModelInput};
use lungfield_radiograph::lungs::Warning;
use lungfield_radiograph::mask::{Mask, ProbabilityMap};
use lungfield_radiograph::postprocess;
use lungfield_radiograph::preprocess::Preprocessor;
use lungfield_radiograph::radiograph::{PixelSpacing, Radiograph};

/// A case on the model grid.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The plane that the model sees.
    pub input: ModelInput,
    /// The share of lung in each model pixel.
    pub target: ProbabilityMap,
    /// The data set that the case was published in.
    pub source: Arc<str>,
}

/// A case to score: what the model sees, and the reference mask on the film's own grid.
#[derive(Clone, Debug)]
pub struct Exam {
    /// The plane that the model sees.
    pub input: ModelInput,
    /// How to get back to the film's own grid.
    pub geometry: Geometry,
    /// The reference mask.
    pub reference: Mask,
    /// What is doubtful about the film itself.
    pub warnings: Vec<Warning>,
    /// The film's pixel spacing, where its file states it.
    pub spacing: Option<PixelSpacing>,
    /// The data set that the case was published in.
    pub source: Arc<str>,
}

impl Exam {
    /// Prepares a film and its reference mask, which have one size, for scoring.
    #[must_use]
    pub fn new(
        film: &Radiograph,
        reference: Mask,
        source: &str,
        preprocessor: &Preprocessor,
    ) -> Self {
        let prepared = preprocessor.prepare(film);
        Self {
            input: prepared.input,
            geometry: prepared.geometry,
            warnings: prepared.warnings,
            reference,
            spacing: film.spacing(),
            source: source.into(),
        }
    }
}

impl From<Exam> for Sample {
    fn from(exam: Exam) -> Self {
        Self {
            target: postprocess::coverage(&exam.reference, &exam.geometry),
            input: exam.input,
            source: exam.source,
        }
    }
}
