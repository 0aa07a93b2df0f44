//! Scores weights during training: on the films' own grids, by the plan, the postprocessing and the score of serving.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tch::{Device, TchError, Tensor};

use super::recipe::Recipe;
use crate::dataset::EvalSample;
use crate::evaluation::statistics::mean;
use lungfield_engine::segmenter::{SegmentError, Segmenter};
use lungfield_model::torch::TorchSegmenter;
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::postprocess;

/// The number of films in one forward pass.
const BATCH: usize = 8;

/// The reason why weights were not scored.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// The weights do not make a network.
    #[error(transparent)]
    Weights(#[from] TchError),
    /// The network failed on a film.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

/// The Dice scores of the validation films, each with the source of the film.
///
/// ```
/// use lungfield_training::train::validate::Validation;
///
/// let validation = Validation(vec![("jsrt".into(), 0.98), ("shenzhen".into(), 0.94), ("jsrt".into(), 0.96)]);
/// assert!((validation.mean_dice() - 0.96).abs() < 1e-9);
/// assert_eq!(validation.lowest_dice(), 0.94);
/// assert_eq!(validation.by_source()[1], ("shenzhen".to_owned(), 0.94));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Validation(pub Vec<(Arc<str>, f64)>);

impl Validation {
    /// Returns the mean over all films.
    #[must_use]
    pub fn mean_dice(&self) -> f64 {
        mean(&self.0.iter().map(|(_, dice)| *dice).collect::<Vec<_>>())
    }

    /// Returns the lowest score of a film.
    #[must_use]
    pub fn lowest_dice(&self) -> f64 {
        self.0.iter().map(|(_, dice)| *dice).fold(1.0, f64::min)
    }

    /// Returns the mean over the films of each source, sorted by source.
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

/// Scores weights in 32 bits, the simplest way in which a model is served.
pub fn validate(
    weights: &HashMap<String, Tensor>,
    recipe: &Recipe,
    device: Device,
    samples: &[EvalSample],
) -> Result<Validation, ValidateError> {
    let mut segmenter = TorchSegmenter::new(recipe.plan(weights, device)?);
    let mut scores = Vec::with_capacity(samples.len());
    for batch in samples.chunks(BATCH) {
        let overlaps = overlaps(&mut segmenter, batch, Threshold::HALF)?;
        let scored = batch.iter().zip(overlaps);
        scores.extend(scored.map(|(sample, overlap)| (Arc::clone(&sample.source), overlap.dice())));
    }
    Ok(Validation(scores))
}

/// Segments samples in one forward pass, and returns the overlap of each mask with its reference mask, in order.
fn overlaps(
    segmenter: &mut dyn Segmenter,
    samples: &[EvalSample],
    threshold: Threshold,
) -> Result<Vec<Overlap>, SegmentError> {
    let planes: Vec<_> = samples.iter().map(|sample| &sample.input).collect();
    let maps = segmenter.segment(&planes)?;
    let overlap = |(sample, map): (&EvalSample, &_)| {
        let mask = postprocess::restore(map, &sample.geometry, threshold);
        Overlap::of(&mask, &sample.reference)
            .expect("a reference mask was checked to have its film's size")
    };
    Ok(samples.iter().zip(&maps).map(overlap).collect())
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
