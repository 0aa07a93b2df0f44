//! Decides how well weights do: on the films' own grids, by the very plan, postprocessing and score of serving.

use std::collections::HashMap;
use std::num::NonZeroU16;

use tch::{Device, Kind, TchError, Tensor};

use super::sample::Exam;
use crate::mask::Threshold;
use crate::model::torch::TorchSegmenter;
use crate::model::{SegmentError, Segmenter};
use crate::network::plan::Plan;
use crate::overlap::Overlap;
use crate::postprocess;

/// Films in one forward pass.
const BATCH: usize = 8;

/// Why weights were not scored.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// The weights don't make a network.
    #[error(transparent)]
    Weights(#[from] TchError),
    /// The network failed on a film.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

/// The Dice score that some weights reach on each exam, in order.
pub fn dice(
    weights: &HashMap<String, Tensor>,
    width: NonZeroU16,
    device: Device,
    exams: &[Exam],
) -> Result<Vec<f64>, ValidateError> {
    let mut segmenter = TorchSegmenter::new(Plan::fold(weights, width, device, Kind::Float)?);
    let mut scores = Vec::with_capacity(exams.len());
    for exams in exams.chunks(BATCH) {
        scores.extend(overlaps(&mut segmenter, exams, Threshold::HALF)?.into_iter().map(Overlap::dice));
    }
    Ok(scores)
}

/// How the masks that a segmenter gives in one forward pass agree with the reference masks, in order.
pub fn overlaps(
    segmenter: &mut dyn Segmenter,
    exams: &[Exam],
    threshold: Threshold,
) -> Result<Vec<Overlap>, SegmentError> {
    let planes: Vec<_> = exams.iter().map(|exam| &exam.input).collect();
    let maps = segmenter.segment(&planes)?;
    let overlap = |(exam, map): (&Exam, &_)| {
        let mask = postprocess::restore(map, &exam.geometry, threshold);
        Overlap::of(&mask, &exam.reference).expect("a reference mask was checked to have its film's size")
    };
    Ok(exams.iter().zip(&maps).map(overlap).collect())
}

/// The mean of some scores; of none it is 0.
#[must_use]
pub fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len().max(1) as f64
}
