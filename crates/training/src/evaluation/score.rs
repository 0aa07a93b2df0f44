//! Decides how cases are scored: by the preprocessing, the postprocessing and the overlap of serving.

use std::num::NonZeroUsize;

use super::measure::{Scored, measure};
use super::report::picture::{Picture, picture};
use crate::dataset::EvalSample;
use crate::dataset::{Case, CaseError};
use lungfield_engine::segmenter::{SegmentError, Segmenter};
use lungfield_radiograph::lungs::{Lungs, Warning, warnings};
use lungfield_radiograph::mask::{ProbabilityMap, Threshold};
use lungfield_radiograph::postprocess;
use lungfield_radiograph::preprocess::Preprocessor;

/// Why a model was not scored.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// A case can't be read.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The model failed.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

/// A model as it is scored.
#[expect(missing_debug_implementations, reason = "a segmenter has none")]
pub struct Examinee<'a> {
    /// The model.
    pub segmenter: &'a mut dyn Segmenter,
    /// What happens to a film before the model sees it.
    pub preprocessor: &'a Preprocessor,
    /// The probability from which on a pixel is lung.
    pub threshold: Threshold,
}

impl Examinee<'_> {
    /// Scores every case, in order. No more films than one batch are in memory; `observe` hears how many are done.
    pub fn score(
        &mut self,
        cases: &[Case],
        batch_size: NonZeroUsize,
        observe: &mut dyn FnMut(usize),
    ) -> Result<Vec<Scored>, ScoreError> {
        let mut scored = Vec::with_capacity(cases.len());
        for batch in cases.chunks(batch_size.get()) {
            let exams = batch
                .iter()
                .map(|case| self.exam(case))
                .collect::<Result<Vec<_>, _>>()?;
            let planes: Vec<_> = exams.iter().map(|exam| &exam.input).collect();
            let maps = self.segmenter.segment(&planes)?;
            for ((case, exam), map) in batch.iter().zip(&exams).zip(&maps) {
                scored.push(Scored {
                    case: case.name.clone(),
                    source: case.source.clone(),
                    doubtful: case.doubtful,
                    warnings: self.warnings(exam, map),
                    measures: measure(
                        map,
                        &exam.geometry,
                        &exam.reference,
                        exam.spacing,
                        self.threshold,
                    ),
                });
            }
            observe(scored.len());
        }
        Ok(scored)
    }

    /// The picture of a case that was scored: its mask in red, the outline of the reference mask in white.
    pub fn picture(&mut self, case: &Case, scored: &Scored) -> Result<Picture, ScoreError> {
        let film = case.film()?;
        let exam = EvalSample::new(
            &film,
            case.reference(&film)?,
            &case.source,
            self.preprocessor,
        );
        let maps = self.segmenter.segment(&[&exam.input])?;
        let map = maps
            .first()
            .expect("a segmenter gives one map for each plane");
        let mask = postprocess::restore(map, &exam.geometry, self.threshold);
        let png = picture(&film, &mask, &exam.reference)
            .expect("mask and reference have the film's size");
        Ok(Picture::of(scored, png))
    }

    /// What the server would warn of.
    fn warnings(&self, exam: &EvalSample, map: &ProbabilityMap) -> Vec<Warning> {
        let mask = postprocess::restore(map, &exam.geometry, self.threshold);
        warnings(&Lungs::of(&mask), map, &exam.warnings)
    }

    fn exam(&self, case: &Case) -> Result<EvalSample, CaseError> {
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
