//! Runs `lungfield-train`: settings → films → run → model directory, checkpoint and journal.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail, ensure};

use crate::films::Films;
use crate::observe::{Recorder, describe};
use lungfield_model::device::{self, Placement, Precision, PrecisionChoice};
use lungfield_radiograph::preprocess::Preprocessor;
use lungfield_training::settings::TrainSettings;
use lungfield_training::train::checkpoint::{self, CHECKPOINT, Checkpoint, Setup};
use lungfield_training::train::export::Export;
use lungfield_training::train::learn::{Run, learn};
use lungfield_training::train::recipe::Recipe;

/// The folder of the checkpoint and the journal in the model directory.
pub(crate) const RECORDS: &str = "run";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every iteration is finished, or the run was a dry run.
    Finished,
    /// The run was stopped. It can be resumed from its checkpoint.
    Stopped,
}

/// Trains until the last iteration, or until `stop` is set.
pub(crate) fn train(settings: &TrainSettings, stop: Arc<AtomicBool>) -> anyhow::Result<Ended> {
    if let Some(threads) = settings.threads {
        device::set_threads(threads);
    }
    let records = settings.out.join(RECORDS);
    let resumed = checkpoint_to_resume(settings, &records)?;
    let placement = Placement::resolve(settings.device, settings.precision)?;
    let recipe = recipe(settings, placement.precision(), resumed.as_ref())?;
    let preprocessing = settings.preprocess_options()?;
    let preprocessing = resumed
        .as_ref()
        .map_or(preprocessing, |found| found.setup.preprocessing.clone());
    let films = Films::read(settings, &Preprocessor::new(preprocessing.clone())?)?;
    let setup = Setup {
        recipe,
        preprocessing,
        films_sha256: films.splits.sha256(),
    };
    if settings.dry_run {
        describe(&setup, &films);
        return Ok(Ended::Finished);
    }
    let mut run = begin(resumed.as_ref(), &setup, placement)?;
    fs_err::create_dir_all(&records)?;
    films.splits.write(&settings.out)?;
    let export = Export {
        name: settings.name.clone(),
        version: settings.model_version.clone(),
        license: settings.license.clone(),
        preprocessing: setup.preprocessing.clone(),
        cases: films.by_source.clone(),
    };
    let mut recorder = Recorder::start(settings, setup, export, &run, stop)?;
    recorder.greet(&run, &films);
    learn(&mut run, &films.data, &mut recorder)?;
    recorder.finish(&run)?;
    Ok(if run.is_finished() {
        Ended::Finished
    } else {
        Ended::Stopped
    })
}

/// Returns the checkpoint to resume from, if the user asked for it.
fn checkpoint_to_resume(
    settings: &TrainSettings,
    records: &Path,
) -> anyhow::Result<Option<Checkpoint>> {
    match (checkpoint::read(records)?, settings.resume) {
        (Some(found), true) => Ok(Some(found)),
        (None, false) => Ok(None),
        (None, true) => bail!(
            "there is no checkpoint in {} to resume from",
            records.display()
        ),
        (Some(_), false) => bail!(
            "{} is the checkpoint of an earlier run: continue it with --resume, or remove it",
            records.join(CHECKPOINT).display()
        ),
    }
}

/// Returns the recipe: the preset's or, for a resumed run, the checkpoint's, changed by the flags.
fn recipe(
    settings: &TrainSettings,
    precision: Precision,
    resumed: Option<&Checkpoint>,
) -> anyhow::Result<Recipe> {
    let Some(found) = resumed.map(|found| &found.setup.recipe) else {
        return Ok(settings.new_recipe(precision)?);
    };
    let chosen = settings.precision != PrecisionChoice::Auto;
    let wanted = Recipe {
        precision: if chosen { precision } else { found.precision },
        ..settings.recipe.apply_to(found.clone())
    };
    ensure!(
        wanted == *found,
        "a resumed run keeps its numbers; leave out the flags that change them"
    );
    Ok(wanted)
}

/// Starts or resumes the run.
fn begin(resumed: Option<&Checkpoint>, setup: &Setup, placement: Placement) -> anyhow::Result<Run> {
    let Some(found) = resumed else {
        return Ok(Run::start(&setup.recipe, placement.device())?);
    };
    ensure!(
        found.setup.films_sha256 == setup.films_sha256,
        "the data differ from those of the run: their films or splits have another hash"
    );
    found
        .resume(placement.device())
        .context("the checkpoint can't be resumed")
}
