//! Decides which films a run reads, and by what it knows them again.

use std::collections::BTreeMap;

use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::preprocess::Preprocessor;
use lungfield_radiograph::radiograph::Radiograph;
use lungfield_training::settings::{SplitSettings, TrainSettings};
use lungfield_training::train::dataset::{Case, Problem, Problems, Split, read_all};
use lungfield_training::train::learn::Films;
use lungfield_training::train::sample::{Exam, Sample};
use lungfield_training::train::split::{SplitOptions, assign};
use lungfield_training::train::split_table::SplitTable;

/// The films of a run.
#[derive(Debug)]
pub(super) struct Loaded {
    /// To learn from and to validate on.
    pub(super) films: Films,
    /// How many films of each source there are to learn from.
    pub(super) by_source: BTreeMap<String, usize>,
    /// What a user should know of the list of films.
    pub(super) remark: Option<String>,
    /// What every film is used for, those to test on included.
    pub(super) splits: SplitTable,
}

/// What is kept of a film.
enum Kept {
    Sample(Sample),
    Exam(Exam),
    Nothing,
}

impl Loaded {
    /// Reads every film, also those to test on: what is wrong with them is better known before than after.
    pub(super) fn read(
        settings: &TrainSettings,
        preprocessor: &Preprocessor,
    ) -> anyhow::Result<Self> {
        let listed = settings.data.cases()?;
        let remark = listed.remark();
        let mut cases = listed.cases;
        let SplitSettings {
            split_seed: seed,
            validation_share: validation,
            test_share: test,
        } = settings.split;
        assign(
            &mut cases,
            &SplitOptions {
                seed,
                validation,
                test,
            },
        )?;
        check(&cases)?;
        let keep = |case: &Case, film: Radiograph, reference: Mask| {
            let exam = || Exam::new(&film, reference, &case.source, preprocessor);
            match case.split {
                Some(Split::Train) => Kept::Sample(exam().into()),
                Some(Split::Validation) => Kept::Exam(exam()),
                Some(Split::Test) | None => Kept::Nothing,
            }
        };
        let read = read_all(&cases, keep)?;
        let splits = SplitTable::new(cases.iter().zip(read.iter().map(|read| read.digest)))?;
        let (mut train, mut validation, mut by_source) = (Vec::new(), Vec::new(), BTreeMap::new());
        for read in read {
            match read.kept {
                Kept::Sample(sample) => {
                    *by_source.entry(sample.source.to_string()).or_default() += 1;
                    train.push(sample);
                }
                Kept::Exam(exam) => validation.push(exam),
                Kept::Nothing => {}
            }
        }
        Ok(Self {
            films: Films {
                train: train.into(),
                validation,
            },
            by_source,
            remark,
            splits,
        })
    }
}

/// There must be films to learn from and films to choose by.
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
