//! Decides how well weights do: Dice on the films' own grids, by the very plan, postprocessing and score of serving.

use std::collections::HashMap;
use std::num::NonZeroU16;

use tch::{Device, Kind, TchError, Tensor};

use super::sample::Exam;
use crate::mask::{ProbabilityMap, Threshold};
use crate::network::plan::Plan;
use crate::overlap::Overlap;
use crate::postprocess;

/// Films in one forward pass.
const BATCH: usize = 8;

/// The Dice score of each exam, in order.
pub fn dice(
    weights: &HashMap<String, Tensor>,
    width: NonZeroU16,
    device: Device,
    exams: &[Exam],
) -> Result<Vec<f64>, TchError> {
    let _guard = tch::no_grad_guard();
    let plan = Plan::fold(weights, width, device, Kind::Float)?;
    let mut scores = Vec::with_capacity(exams.len());
    for exams in exams.chunks(BATCH) {
        let planes: Vec<_> = exams.iter().map(|exam| &exam.input).collect();
        let maps = plan.segment(&planes)?;
        scores.extend(exams.iter().zip(&maps).map(|(exam, map)| score(exam, map)));
    }
    Ok(scores)
}

fn score(exam: &Exam, map: &ProbabilityMap) -> f64 {
    let mask = postprocess::restore(map, &exam.geometry, Threshold::HALF);
    Overlap::of(&mask, &exam.reference).expect("a reference mask was checked to have its film's size").dice()
}

/// The mean of some scores; of none it is 0.
#[must_use]
pub fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len().max(1) as f64
}
