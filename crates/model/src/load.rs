//! Loads a model directory into a pipeline that runs.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tch::TchError;

use crate::cores::Cores;
use crate::device::Placement;
use crate::golden::GoldenError;
use crate::manifest::{Manifest, ManifestError};
use crate::mirror::MirrorWorker;
use crate::network::Plan;
use crate::torch::{TorchSegmenter, load_plan};
use crate::weights::WeightsError;
use lungfield_codec::Limits;
use lungfield_engine::pipeline::Pipeline;
use lungfield_engine::segmenter::SegmentError;
use lungfield_engine::{Engine, EngineOptions, StartError};

/// The options of a pipeline. [`LoadOptions::new`] sets all of them.
///
/// # Examples
/// One forward pass at a time on the CPU, for films of up to 16 million pixels:
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use lungfield_codec::Limits;
/// use lungfield_model::LoadOptions;
/// use lungfield_model::device::Placement;
///
/// let options = LoadOptions {
///     model_threads: NonZeroUsize::MIN,
///     limits: Limits { max_pixels: 16_000_000 },
///     ..LoadOptions::new(Placement::cpu())
/// };
/// assert_eq!(options.engine.max_batch_size.get(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// The device and the precision of the model.
    pub placement: Placement,
    /// The CPU threads of the network, which the forward passes that run at a time share.
    pub threads: NonZeroUsize,
    /// The number of forward passes at a time.
    pub model_threads: NonZeroUsize,
    /// The queue, and when it cuts a batch.
    pub engine: EngineOptions,
    /// The limits of the decoders.
    pub limits: Limits,
    /// The number of films that are decoded or encoded at a time.
    pub decode_permits: NonZeroUsize,
}

impl LoadOptions {
    /// Creates options that suit a device: batches and model threads as it takes them, a queue of 64 films without delay,
    /// and all cores of the machine.
    #[must_use]
    pub fn new(placement: Placement) -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            placement,
            threads: cores,
            model_threads: placement.model_threads(cores),
            engine: EngineOptions {
                max_batch_size: placement.batch_size(),
                max_queue_delay: Duration::ZERO,
                queue_capacity: NonZeroUsize::new(64).expect("64 is not 0"),
            },
            limits: Limits::default(),
            decode_permits: cores,
        }
    }
}

/// A model that is loaded, and ready for films.
#[derive(Debug)]
pub struct LoadedModel {
    /// Segments films.
    pub pipeline: Pipeline,
    /// The manifest of the model directory.
    pub manifest: Manifest,
}

/// The error of a model directory that can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The manifest is missing or wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The weights are missing, or are not those of the manifest.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// libtorch can't hold the network on the device.
    #[error("the network can't be placed on the device: {0}")]
    Place(#[from] TchError),
    /// The network can't run a batch of a size that will be served.
    #[error("a batch of {batch_size} can't be run: {cause}")]
    WarmUp {
        /// The number of films in the batch.
        batch_size: usize,
        /// The error of the forward pass.
        cause: SegmentError,
    },
    /// The model does not compute what it computed when it was trained.
    #[error(transparent)]
    Golden(#[from] GoldenError),
    /// The system starts no thread for the model.
    #[error("a thread for the model could not be started: {0}")]
    Thread(#[source] io::Error),
    /// Building the segmenter panicked. The log says where.
    #[error("building the segmenter panicked")]
    Panicked,
}

impl From<StartError<Self>> for LoadError {
    fn from(error: StartError<Self>) -> Self {
        match error {
            StartError::Build(error) => error,
            StartError::Panicked => Self::Panicked,
            StartError::Thread(error) => Self::Thread(error),
        }
    }
}

/// Loads the model in `directory`, warms it up, checks its golden phantom, and starts its engine.
///
/// Takes a second or two, and blocks: in async code, call it in `spawn_blocking`.
///
/// # Errors
/// Returns a [`LoadError`] where the directory holds no usable model, or the device can't run it.
///
/// # Examples
/// See the [crate's documentation](crate).
pub fn load(directory: &Path, options: &LoadOptions) -> Result<LoadedModel, LoadError> {
    let manifest = Manifest::read(directory)?;
    let preprocessor = manifest.preprocessor()?;
    let plan = load_plan(directory, &manifest, options.placement)?;
    let engine = start_engine(&plan, &manifest, options)?;
    tracing::info!(
        model.name = manifest.model.name,
        model.version = manifest.model.version,
        model.weights_sha256 = manifest.model.weights_sha256,
        model.device = options.placement.device_name(),
        model.precision = options.placement.precision().name(),
        model.threads = options.model_threads,
        "model loaded"
    );
    let pipeline = Pipeline::new(
        engine,
        preprocessor,
        manifest.threshold,
        options.limits,
        options.decode_permits.get(),
    );
    Ok(LoadedModel { pipeline, manifest })
}

/// Starts an engine whose model threads share the weights of one plan.
fn start_engine(
    plan: &Plan,
    manifest: &Manifest,
    options: &LoadOptions,
) -> Result<Engine, LoadError> {
    let max_batch_size = options.engine.max_batch_size;
    let cores = Cores::new(options.threads, options.model_threads);
    let mirror = start_mirror_worker(plan, options.threads)?;
    let build = |_| {
        let (plan, manifest) = (plan.share(), manifest.clone());
        let (cores, mirror) = (cores.clone(), mirror.clone());
        move || {
            let mut segmenter = TorchSegmenter::new(plan).sharing(cores, mirror);
            segmenter.warm_up(&manifest, max_batch_size)?;
            Ok::<_, LoadError>(segmenter)
        }
    };
    let builds = (0..options.model_threads.get()).map(build);
    Ok(Engine::start(options.engine, builds)?)
}

/// Starts the thread for mirror images, where a film and its image can each have a thread.
fn start_mirror_worker(
    plan: &Plan,
    threads: NonZeroUsize,
) -> Result<Option<Arc<MirrorWorker>>, LoadError> {
    if !plan.mirrors_on_two_threads() || threads.get() == 1 {
        return Ok(None);
    }
    let worker = MirrorWorker::start(plan.share()).map_err(LoadError::Thread)?;
    Ok(Some(Arc::new(worker)))
}
