//! Decides what is scored: every case, by the preprocessing, postprocessing and overlap of serving.

use std::num::NonZeroUsize;

use crate::mask::Threshold;
use crate::model::{SegmentError, Segmenter};
use crate::overlap::Overlap;
use crate::preprocess::Preprocessor;
use crate::train::dataset::{Case, DatasetError};
use crate::train::sample::Exam;
use crate::train::validate::overlaps;

/// How well a model did on one case.
#[derive(Clone, Debug)]
pub struct Score {
    /// The case's name.
    pub case: String,
    /// The data set that it was published in.
    pub source: String,
    /// How the model's mask agrees with the reference mask.
    pub overlap: Overlap,
}

/// Why a model was not scored.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// A case can't be read.
    #[error(transparent)]
    Case(#[from] DatasetError),
    /// The model failed.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

/// Scores every case, in order. No more films than one batch are in memory; `observe` hears how many are done.
pub fn score(
    segmenter: &mut dyn Segmenter,
    (preprocessor, threshold): (&Preprocessor, Threshold),
    cases: &[Case],
    batch_size: NonZeroUsize,
    observe: &mut dyn FnMut(usize),
) -> Result<Vec<Score>, ScoreError> {
    let mut scores = Vec::with_capacity(cases.len());
    for batch in cases.chunks(batch_size.get()) {
        let exams = batch
            .iter()
            .map(|case| {
                let film = case.film()?;
                let reference = case.reference(&film)?;
                Ok(Exam::new(&film, reference, &case.source, preprocessor))
            })
            .collect::<Result<Vec<_>, DatasetError>>()?;
        let overlaps = overlaps(segmenter, &exams, threshold)?;
        scores.extend(batch.iter().zip(overlaps).map(|(case, overlap)| Score {
            case: case.name.clone(),
            source: case.source.clone(),
            overlap,
        }));
        observe(scores.len());
    }
    Ok(scores)
}
