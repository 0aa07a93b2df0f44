//! Decides how a program that segments gets its pipeline: model directory → plan → model threads → engine → pipeline.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Context;

use crate::cores::Cores;
use crate::device::Placement;
use crate::manifest::Manifest;
use crate::network::plan::Plan;
use crate::settings::{FilmSettings, ModelSettings};
use crate::torch::{self, LoadError, TorchSegmenter};
use crate::twin::Twin;
use lungfield_engine::pipeline::Pipeline;
use lungfield_engine::{Engine, EngineOptions};

/// A pipeline that runs, and what is known of its model.
#[derive(Debug)]
pub struct Loaded {
    /// Segments films.
    pub pipeline: Pipeline,
    /// What the model directory says.
    pub manifest: Manifest,
    /// Where the model runs.
    pub placement: Placement,
    /// The most films in one forward pass.
    pub max_batch_size: NonZeroUsize,
}

/// Loads a model and starts its engine, whose options depend on where it runs. Takes a second or two, and blocks.
pub fn load(
    model: &ModelSettings,
    films: &FilmSettings,
    options: impl FnOnce(Placement) -> EngineOptions,
) -> anyhow::Result<Loaded> {
    let manifest = Manifest::read(&model.folder)?;
    let preprocessor = manifest.preprocessor()?;
    let placement = Placement::resolve(model.device, model.precision)?;
    let options = options(placement);
    let max_batch_size = options.max_batch_size;
    let model_threads = model.model_threads(placement);
    let cores = Cores::new(model.threads(), model_threads);
    let plan = torch::load(&model.folder, &manifest, placement)?;
    let twin = twin(&plan, model.threads())?;
    let build = |_| {
        let (plan, manifest, cores, twin) =
            (plan.share(), manifest.clone(), cores.clone(), twin.clone());
        move || {
            let mut segmenter = TorchSegmenter::new(plan).sharing(cores, twin);
            segmenter.warm_up(&manifest, max_batch_size)?;
            Ok::<_, LoadError>(segmenter)
        }
    };
    let engine = Engine::start(options, (0..model_threads.get()).map(build))?;
    tracing::info!(
        model.name = manifest.model.name,
        model.version = manifest.model.version,
        model.weights_sha256 = manifest.model.weights_sha256,
        model.device = placement.device_name(),
        model.precision = placement.precision().name(),
        model.threads = model_threads,
        "model loaded"
    );
    let pipeline = Pipeline::new(
        engine,
        preprocessor,
        manifest.threshold,
        films.limits(),
        films.decode_permits(),
    );
    Ok(Loaded {
        pipeline,
        manifest,
        placement,
        max_batch_size,
    })
}

/// The thread for mirror images, where there are two threads for a film and its image.
fn twin(plan: &Plan, threads: NonZeroUsize) -> anyhow::Result<Option<Arc<Twin>>> {
    let wanted = plan.has_twins() && threads.get() > 1;
    let twin = wanted.then(|| Twin::start(plan.share())).transpose();
    Ok(twin
        .context("the thread for mirror images could not be started")?
        .map(Arc::new))
}
