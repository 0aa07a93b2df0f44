//! Decides how a training run is put together: settings → films → run → model directory, checkpoint and records.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail, ensure};

use crate::films::Loaded;
use crate::follow::Recorder;
use lungfield_model::device::{self, Placement, Precision, PrecisionChoice};
use lungfield_radiograph::preprocess::Preprocessor;
use lungfield_training::settings::TrainSettings;
use lungfield_training::train::checkpoint::{self, CHECKPOINT, Checkpoint, Setup};
use lungfield_training::train::export::Export;
use lungfield_training::train::learn::{Run, learn};
use lungfield_training::train::recipe::Recipe;

/// What a run records of itself, inside of the model directory.
pub(crate) const RECORDS: &str = "run";

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every iteration is done, or none was asked for.
    Finished,
    /// It was asked to stop; its checkpoint says how to go on.
    Stopped,
}

/// Trains as `settings` say, until the last iteration or until `stop` is set.
pub(crate) fn train(settings: &TrainSettings, stop: Arc<AtomicBool>) -> anyhow::Result<Ended> {
    if let Some(threads) = settings.threads {
        device::set_threads(threads);
    }
    let records = settings.out.join(RECORDS);
    let resumed = earlier(settings, &records)?;
    let placement = Placement::resolve(settings.device, settings.precision)?;
    let recipe = recipe(settings, placement.precision(), resumed.as_ref())?;
    let preprocessing = settings.preprocess_options().map_err(anyhow::Error::msg)?;
    let preprocessing = resumed
        .as_ref()
        .map_or(preprocessing, |found| found.setup.preprocessing.clone());
    let loaded = Loaded::read(settings, &Preprocessor::new(preprocessing.clone())?)?;
    let setup = Setup {
        recipe,
        preprocessing,
        films_sha256: loaded.splits.sha256(),
    };
    if settings.dry_run {
        crate::follow::describe(&setup, &loaded);
        return Ok(Ended::Finished);
    }
    let mut run = begin(resumed.as_ref(), &setup, placement)?;
    fs_err::create_dir_all(&records)?;
    loaded.splits.write(&settings.out)?;
    let export = Export {
        name: settings.name.clone(),
        version: settings.model_version.clone(),
        license: settings.license.clone(),
        preprocessing: setup.preprocessing.clone(),
        cases: loaded.by_source.clone(),
    };
    let mut recorder = Recorder::start(settings, setup, export, &run, stop)?;
    recorder.greet(&run, &loaded);
    learn(&mut run, &loaded.films, &mut recorder)?;
    recorder.finish(&run)?;
    Ok(if run.is_finished() {
        Ended::Finished
    } else {
        Ended::Stopped
    })
}

/// The checkpoint to go on from, where that was asked for.
fn earlier(settings: &TrainSettings, records: &Path) -> anyhow::Result<Option<Checkpoint>> {
    match (checkpoint::read(records)?, settings.resume) {
        (Some(found), true) => Ok(Some(found)),
        (None, false) => Ok(None),
        (None, true) => bail!(
            "there is no checkpoint in {} to go on from",
            records.display()
        ),
        (Some(_), false) => bail!(
            "{} holds the checkpoint of another run: go on with it by --resume, or remove it",
            records.join(CHECKPOINT).display()
        ),
    }
}

/// The numbers of the run: the preset's or, resumed, the checkpoint's, with what the user gave.
fn recipe(
    settings: &TrainSettings,
    precision: Precision,
    resumed: Option<&Checkpoint>,
) -> anyhow::Result<Recipe> {
    let Some(found) = resumed.map(|found| &found.setup.recipe) else {
        let recipe = settings.recipe.with_preset(settings.preset, precision);
        recipe.check().map_err(anyhow::Error::msg)?;
        return Ok(recipe);
    };
    let chosen = settings.precision != PrecisionChoice::Auto;
    let wanted = Recipe {
        precision: if chosen { precision } else { found.precision },
        ..settings.recipe.over(found.clone())
    };
    ensure!(
        wanted == *found,
        "a resumed run keeps its numbers; leave out the flags that change them"
    );
    Ok(wanted)
}

fn begin(resumed: Option<&Checkpoint>, setup: &Setup, placement: Placement) -> anyhow::Result<Run> {
    let Some(found) = resumed else {
        return Ok(Run::start(&setup.recipe, placement.device())?);
    };
    ensure!(
        found.setup.films_sha256 == setup.films_sha256,
        "the data are not those that the run was begun with: their films or splits have another hash"
    );
    found
        .resume(placement.device())
        .context("the checkpoint can't be resumed")
}
