//! Decides what training and validation keep of a case in memory: planes on the model grid.

use rayon::prelude::*;

use super::dataset::{Case, DatasetError};
use crate::geometry::{Geometry, ModelInput};
use crate::mask::{Mask, ProbabilityMap};
use crate::postprocess;
use crate::preprocess::Preprocessor;

/// A case on the model grid.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The plane that the model sees.
    pub input: ModelInput,
    /// The share of lung in each model pixel.
    pub target: ProbabilityMap,
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
}

/// Prepares every case for training, in their order.
pub fn samples(cases: &[Case], preprocessor: &Preprocessor) -> Result<Vec<Sample>, DatasetError> {
    let sample = |exam: Exam| Sample {
        target: postprocess::coverage(&exam.reference, &exam.geometry),
        input: exam.input,
    };
    cases.par_iter().map(|case| Ok(sample(exam(case, preprocessor)?))).collect()
}

/// Prepares every case for scoring, in their order.
pub fn exams(cases: &[Case], preprocessor: &Preprocessor) -> Result<Vec<Exam>, DatasetError> {
    cases.par_iter().map(|case| exam(case, preprocessor)).collect()
}

fn exam(case: &Case, preprocessor: &Preprocessor) -> Result<Exam, DatasetError> {
    let film = case.film()?;
    let reference = case.reference(&film)?;
    let prepared = preprocessor.prepare(&film);
    Ok(Exam { input: prepared.input, geometry: prepared.geometry, reference })
}
