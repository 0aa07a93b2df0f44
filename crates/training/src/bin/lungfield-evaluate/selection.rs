//! Selects the cases to score.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{bail, ensure};

use lungfield_training::dataset::{Case, Split, SplitTable, read_all};
use lungfield_training::evaluation::report::DataFacts;
use lungfield_training::settings::EvaluateSettings;

/// The cases to score.
pub(crate) struct Selection {
    pub(crate) cases: Vec<Case>,
    /// A remark for the user about the list from which the cases are selected.
    pub(crate) remark: Option<String>,
    /// The number of films without a reference mask.
    without_reference: usize,
    training_included: bool,
}

impl Selection {
    /// Lists the cases of the data sets and selects those that are asked for.
    pub(crate) fn read(settings: &EvaluateSettings) -> anyhow::Result<Self> {
        let listed = settings.data.cases()?;
        let (remark, without_reference) = (listed.remark(), listed.left_out.len());
        let uses = model_uses(&settings.model, &listed.cases)?;
        let (cases, uses): (Vec<_>, Vec<_>) = listed
            .cases
            .into_iter()
            .zip(uses)
            .filter(|(case, model_use)| is_asked(settings.split, *model_use, case.split))
            .unzip();
        let trained = uses
            .iter()
            .filter(|model_use| **model_use == ModelUse::In(Split::Train))
            .count();
        if trained > 0 && !settings.allow_training_cases {
            bail!(
                "the model was trained on {trained} of the {} films that would be scored; leave them out, or ask for it \
                 by --allow-training-cases",
                cases.len()
            );
        }
        ensure!(!cases.is_empty(), "{}", nothing_selected(settings.split));
        Ok(Self {
            cases,
            remark,
            without_reference,
            training_included: trained > 0,
        })
    }

    /// Returns the facts about the data for the report.
    pub(crate) fn facts(&self, settings: &EvaluateSettings) -> DataFacts {
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        DataFacts {
            folders: settings
                .data
                .data
                .iter()
                .map(|folder| name(folder))
                .collect(),
            split: settings
                .split
                .map_or("unseen".to_owned(), |split| split.to_string()),
            date: now.split('T').next().unwrap_or_default().to_owned(),
            without_reference: self.without_reference,
            training_included: self.training_included,
        }
    }
}

fn name(folder: &Path) -> String {
    folder.file_name().map_or_else(
        || folder.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// What a model used a film for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ModelUse {
    /// The film, or another film of its patient, was in this split.
    In(Split),
    /// The model used no film of the patient.
    Unused,
    /// The model directory has no split table.
    Unknown,
}

/// Returns what the model used each case for. Every film is read, since the model directory lists films by their pixels.
fn model_uses(model: &Path, cases: &[Case]) -> anyhow::Result<Vec<ModelUse>> {
    let read = read_all(cases, |_, _, _| ())?;
    let Some(table) = SplitTable::read(model)? else {
        return Ok(vec![ModelUse::Unknown; cases.len()]);
    };
    let model_use = |(case, digest)| {
        table
            .split_of(digest, case)
            .map_or(ModelUse::Unused, ModelUse::In)
    };
    let digests = read.iter().map(|read| &read.digest);
    Ok(cases.iter().zip(digests).map(model_use).collect())
}

/// Returns whether a case is asked for, given what the model used it for and the split that its data set states.
///
/// If a split is wanted, a case is asked for if either states this split, so that a film that was trained on can't be
/// left out of a test unnoticed. If none is wanted, the model's use takes precedence: a film that the model never used
/// is scored, whatever split its data set states.
fn is_asked(wanted: Option<Split>, model_use: ModelUse, listed: Option<Split>) -> bool {
    match (wanted, model_use) {
        (Some(wanted), model_use) => model_use == ModelUse::In(wanted) || listed == Some(wanted),
        (None, ModelUse::In(split)) => split == Split::Test,
        (None, ModelUse::Unused) => true,
        (None, ModelUse::Unknown) => listed.is_none_or(|listed| listed == Split::Test),
    }
}

fn nothing_selected(wanted: Option<Split>) -> String {
    match wanted {
        Some(split) => format!("the data has no {split} case"),
        None => "the data has no case that the model was neither trained nor chosen on".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unless_told_otherwise_what_the_model_has_not_seen_is_scored() {
        let used = |split, listed| is_asked(None, ModelUse::In(split), listed);
        assert!(
            used(Split::Test, Some(Split::Train)),
            "the model knows better than a list"
        );
        assert!(!used(Split::Train, Some(Split::Test)) && !used(Split::Validation, None));
        let unused = |listed| is_asked(None, ModelUse::Unused, listed);
        assert!(
            unused(None) && unused(Some(Split::Train)),
            "films of another hospital"
        );
        let unknown = |listed| is_asked(None, ModelUse::Unknown, listed);
        assert!(unknown(None) && unknown(Some(Split::Test)) && !unknown(Some(Split::Train)));
    }

    #[test]
    fn a_film_that_was_trained_on_is_not_left_out_of_a_test_unnoticed() {
        let test = |model_use, listed| is_asked(Some(Split::Test), model_use, listed);
        assert!(test(ModelUse::In(Split::Train), Some(Split::Test)));
        assert!(test(ModelUse::In(Split::Test), None));
        assert!(test(ModelUse::Unknown, Some(Split::Test)));
        assert!(!test(ModelUse::In(Split::Validation), Some(Split::Train)));
        assert!(!test(ModelUse::Unused, None));
    }
}
