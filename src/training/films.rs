//! Decides which films a run reads, and by what it knows them again.

use std::collections::BTreeMap;

use crate::config::TrainSettings;
use crate::preprocess::Preprocessor;
use crate::train::dataset::{Case, DatasetError, Split, cases};
use crate::train::learn::Films;
use crate::train::sample::Exam;
use rayon::prelude::*;

/// The films of a run.
#[derive(Debug)]
pub(super) struct Loaded {
    /// To learn from and to validate on.
    pub(super) films: Films,
    /// How many films of each source there are to learn from.
    pub(super) by_source: BTreeMap<String, usize>,
    /// A hash over films and splits.
    pub(super) sha256: String,
}

impl Loaded {
    pub(super) fn read(settings: &TrainSettings, preprocessor: &Preprocessor) -> Result<Self, DatasetError> {
        let exam = |case: &Case| -> Result<Exam, DatasetError> {
            let film = case.film()?;
            let reference = case.reference(&film)?;
            Ok(Exam::new(&film, reference, &case.source, preprocessor))
        };
        let train: Vec<_> = cases(&settings.data, Split::Train)?.into_iter().filter(|c| settings.source.is_empty() || settings.source.contains(&c.source)).collect();
        let validation = cases(&settings.data, Split::Validation)?;
        let mut by_source = BTreeMap::new();
        for case in &train {
            *by_source.entry(case.source.clone()).or_default() += 1;
        }
        let samples = train.par_iter().map(|case| Ok(exam(case)?.into())).collect::<Result<Vec<_>, DatasetError>>()?;
        let exams = validation.par_iter().map(exam).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { films: Films { train: samples.into(), validation: exams }, by_source, sha256: String::new() })
    }
}
