//! Scores cases with the preprocessing, the postprocessing and the warnings of serving.

use std::num::NonZeroUsize;

use super::measure::{ScoredCase, measure};
use crate::dataset::{Case, CaseError, EvalSample};
use lungfield_engine::segmenter::{SegmentError, Segmenter};
use lungfield_radiograph::lungs::{Lungs, warnings};
use lungfield_radiograph::mask::{Mask, ProbabilityMap, Threshold};
use lungfield_radiograph::postprocess;
use lungfield_radiograph::preprocess::Preprocessor;
use lungfield_radiograph::radiograph::Radiograph;
use lungfield_radiograph::warnings::Warning;

/// The reason why cases were not scored.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A case can't be read.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The model failed.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

/// A model that is evaluated.
#[expect(missing_debug_implementations, reason = "a segmenter has none")]
pub struct Evaluator<'a> {
    /// The model.
    pub segmenter: &'a mut dyn Segmenter,
    /// The preprocessing of the films.
    pub preprocessor: &'a Preprocessor,
    /// The lowest probability of lung.
    pub threshold: Threshold,
}

/// A film with its masks.
#[derive(Clone, Debug)]
pub struct SegmentedCase {
    /// The film.
    pub film: Radiograph,
    /// The mask of the model.
    pub mask: Mask,
    /// The reference mask.
    pub reference: Mask,
}

impl Evaluator<'_> {
    /// Scores every case, in order. At most one batch of films is in memory. `on_progress` is called after each batch
    /// with the number of scored cases.
    pub fn score(
        &mut self,
        cases: &[Case],
        batch_size: NonZeroUsize,
        on_progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<ScoredCase>, EvaluationError> {
        let mut scored = Vec::with_capacity(cases.len());
        for batch in cases.chunks(batch_size.get()) {
            let samples = batch
                .iter()
                .map(|case| self.sample(case))
                .collect::<Result<Vec<_>, _>>()?;
            let planes: Vec<_> = samples.iter().map(|sample| &sample.input).collect();
            let maps = self.segmenter.segment(&planes)?;
            for ((case, sample), map) in batch.iter().zip(&samples).zip(&maps) {
                scored.push(self.score_map(case, sample, map));
            }
            on_progress(scored.len());
        }
        Ok(scored)
    }

    /// Segments one case.
    pub fn segment(&mut self, case: &Case) -> Result<SegmentedCase, EvaluationError> {
        let film = case.film()?;
        let reference = case.reference(&film)?;
        let prepared = self.preprocessor.prepare(&film);
        let maps = self.segmenter.segment(&[&prepared.input])?;
        let map = maps
            .first()
            .expect("a segmenter gives one map for each plane");
        Ok(SegmentedCase {
            mask: postprocess::restore(map, &prepared.geometry, self.threshold),
            film,
            reference,
        })
    }

    fn score_map(&self, case: &Case, sample: &EvalSample, map: &ProbabilityMap) -> ScoredCase {
        ScoredCase {
            case: case.name.clone(),
            source: case.source.clone(),
            doubtful: case.doubtful,
            warnings: self.warnings(sample, map),
            measures: measure(
                map,
                &sample.geometry,
                &sample.reference,
                sample.spacing,
                self.threshold,
            ),
        }
    }

    /// Returns the warnings that a server would give.
    fn warnings(&self, sample: &EvalSample, map: &ProbabilityMap) -> Vec<Warning> {
        let mask = postprocess::restore(map, &sample.geometry, self.threshold);
        warnings(&Lungs::of(&mask), map, &sample.warnings)
    }

    fn sample(&self, case: &Case) -> Result<EvalSample, CaseError> {
        let film = case.film()?;
        let reference = case.reference(&film)?;
        Ok(EvalSample::new(
            &film,
            reference,
            &case.source,
            self.preprocessor,
        ))
    }
}
