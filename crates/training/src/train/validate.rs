//! Decides how well weights do: on the films' own grids, by the very plan, postprocessing and score of serving.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tch::{Device, Kind, TchError, Tensor};

use super::recipe::Recipe;
use super::sample::Exam;
use lungfield_engine::segmenter::{SegmentError, Segmenter};
use lungfield_model::network::plan::Plan;
use lungfield_model::torch::TorchSegmenter;
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::postprocess;

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

/// The Dice score of every validation film, with its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Validation(pub Vec<(Arc<str>, f64)>);

impl Validation {
    /// The mean over all films.
    #[must_use]
    pub fn mean_dice(&self) -> f64 {
        mean(&self.0.iter().map(|(_, dice)| *dice).collect::<Vec<_>>())
    }

    /// The lowest of all films.
    #[must_use]
    pub fn lowest_dice(&self) -> f64 {
        self.0.iter().map(|(_, dice)| *dice).fold(1.0, f64::min)
    }

    /// The mean over the films of each source, by the sources' names.
    #[must_use]
    pub fn by_source(&self) -> Vec<(String, f64)> {
        let mut sources: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (source, dice) in &self.0 {
            sources.entry(source).or_default().push(*dice);
        }
        sources
            .into_iter()
            .map(|(source, dice)| (source.to_owned(), mean(&dice)))
            .collect()
    }
}

/// Scores weights in 32 bits, as plainly as a model can be served.
pub fn validate(
    weights: &HashMap<String, Tensor>,
    recipe: &Recipe,
    device: Device,
    exams: &[Exam],
) -> Result<Validation, ValidateError> {
    let plan = Plan::fold(weights, recipe.width, device, Kind::Float)?;
    let mut segmenter = TorchSegmenter::new(plan.flip_averaging(recipe.flip_averaging));
    let mut scores = Vec::with_capacity(exams.len());
    for exams in exams.chunks(BATCH) {
        let overlaps = overlaps(&mut segmenter, exams, Threshold::HALF)?;
        let scored = exams.iter().zip(overlaps);
        scores.extend(scored.map(|(exam, overlap)| (Arc::clone(&exam.source), overlap.dice())));
    }
    Ok(Validation(scores))
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
        Overlap::of(&mask, &exam.reference)
            .expect("a reference mask was checked to have its film's size")
    };
    Ok(exams.iter().zip(&maps).map(overlap).collect())
}

/// The mean of some scores; of none it is 0.
#[must_use]
pub fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_summed_up_over_all_and_by_source() {
        let of = |source: &str, dice| (Arc::from(source), dice);
        let validation = Validation(vec![of("b", 0.9), of("a", 0.6), of("b", 0.7)]);
        assert!((validation.mean_dice() - 2.2 / 3.0).abs() < 1e-12);
        assert!((validation.lowest_dice() - 0.6).abs() < 1e-12);
        let by_source = validation.by_source();
        assert_eq!(by_source[0], ("a".to_owned(), 0.6));
        assert!(by_source[1].0 == "b" && (by_source[1].1 - 0.8).abs() < 1e-12);
    }
}
