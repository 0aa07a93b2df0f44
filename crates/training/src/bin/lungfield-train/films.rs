//! Reads the films of a training run.

use std::collections::BTreeMap;

use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::preprocess::Preprocessor;
use lungfield_radiograph::radiograph::Radiograph;
use lungfield_training::dataset::{
    Case, EvalSample, Problem, Problems, Split, SplitOptions, SplitTable, TrainingSample, assign,
    read_all,
};
use lungfield_training::settings::{SplitSettings, TrainSettings};
use lungfield_training::train::learn::TrainingData;

/// The films of a training run.
#[derive(Debug)]
pub(super) struct Films {
    /// The films to learn from and to validate on.
    pub(super) data: TrainingData,
    /// The number of films to learn from, by source.
    pub(super) by_source: BTreeMap<String, usize>,
    /// A remark for the user about the list of films.
    pub(super) remark: Option<String>,
    /// The split of every film, the test split included.
    pub(super) splits: SplitTable,
}

/// The sample that is kept of a film.
enum Kept {
    Training(TrainingSample),
    Validation(EvalSample),
    Nothing,
}

impl Films {
    /// Reads every film. Films of the test split are read too, so that problems with them are known before training.
    pub(super) fn read(
        settings: &TrainSettings,
        preprocessor: &Preprocessor,
    ) -> anyhow::Result<Self> {
        let listed = settings.data.cases()?;
        let remark = listed.remark();
        let mut cases = listed.cases;
        assign(&mut cases, &split_options(settings.split))?;
        check(&cases)?;
        let keep = |case: &Case, film: Radiograph, reference: Mask| {
            let sample = || EvalSample::new(&film, reference, &case.source, preprocessor);
            match case.split {
                Some(Split::Train) => Kept::Training(sample().into()),
                Some(Split::Validation) => Kept::Validation(sample()),
                Some(Split::Test) | None => Kept::Nothing,
            }
        };
        let read = read_all(&cases, keep)?;
        let splits = SplitTable::new(cases.iter().zip(read.iter().map(|read| read.digest)))?;
        let (data, by_source) = sorted(read.into_iter().map(|read| read.kept));
        Ok(Self {
            data,
            by_source,
            remark,
            splits,
        })
    }
}

fn split_options(settings: SplitSettings) -> SplitOptions {
    SplitOptions {
        seed: settings.split_seed,
        validation: settings.validation_share,
        test: settings.test_share,
    }
}

/// Sorts samples by their use, and counts those to learn from by source.
fn sorted(kept: impl Iterator<Item = Kept>) -> (TrainingData, BTreeMap<String, usize>) {
    let (mut train, mut validation, mut by_source) = (Vec::new(), Vec::new(), BTreeMap::new());
    for kept in kept {
        match kept {
            Kept::Training(sample) => {
                *by_source.entry(sample.source.to_string()).or_default() += 1;
                train.push(sample);
            }
            Kept::Validation(sample) => validation.push(sample),
            Kept::Nothing => {}
        }
    }
    let data = TrainingData {
        train: train.into(),
        validation,
    };
    (data, by_source)
}

/// Checks that there are films to learn from and films to validate on.
fn check(cases: &[Case]) -> Result<(), Problems> {
    let empty = |split: Split| {
        let has = cases.iter().any(|case| case.split == Some(split));
        (!has).then_some(Problem::EmptySplit {
            split,
            among: cases.len(),
        })
    };
    let problems = [Split::Train, Split::Validation]
        .into_iter()
        .filter_map(empty)
        .collect();
    Problems::new(problems).map_or(Ok(()), Err)
}
