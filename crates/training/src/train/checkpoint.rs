//! Decides what a run must remember to go on as if it had never stopped, and how that lies in one file.
//!
//! A checkpoint holds the weights, the optimiser's state and the moving average as tensors, and the recipe, the
//! iteration and the best so far in its header. The order of the films and their variations follow from the seed and
//! the iteration alone, as does the learning rate; nothing else in a run is drawn by chance.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Device, TchError, Tensor};

use super::average::MovingAverage;
use super::learn::{Best, Run};
use super::recipe::Recipe;
use lungfield_model::weights::{self, Stored};
use lungfield_radiograph::preprocess::PreprocessOptions;
use lungfield_support::files;

/// The name of the checkpoint in a run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The entry of the file's header.
const HEADER: &str = "run";
/// The format of checkpoints that this version reads and writes.
const FORMAT: u32 = 2;

/// What a run was begun with; it is resumed with nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The numbers of the run.
    pub recipe: Recipe,
    /// What happens to a film before the network sees it.
    pub preprocessing: PreprocessOptions,
    /// A hash over the films and their splits, in hexadecimal.
    pub films_sha256: String,
}

/// A run, written down.
#[derive(Debug)]
pub struct Checkpoint {
    /// What the run was begun with.
    pub setup: Setup,
    state: State,
    tensors: HashMap<String, Tensor>,
}

/// What a checkpoint holds besides tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    setup: Setup,
    state: State,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    format: u32,
    iteration: u32,
    best: Option<Best>,
}

/// What is the same in every format.
#[derive(Deserialize)]
struct Versioned {
    state: Version,
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// A checkpoint that can't be used, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file can't be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The file is no checkpoint, or lacks something.
    #[error("{path} is not a checkpoint that this version reads: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// libtorch can't hold the tensors.
    #[error(transparent)]
    Tensors(#[from] TchError),
}

/// Writes a run down in `folder`, whole or not at all: a crash leaves the checkpoint before.
pub fn write(folder: &Path, run: &Run, setup: &Setup) -> Result<(), CheckpointError> {
    let variables = run.store.variables();
    let named = |prefix: &'static str, tensors| {
        let rename = move |(name, tensor): (&String, _)| (format!("{prefix}.{name}"), tensor);
        HashMap::iter(tensors).map(rename)
    };
    let tensors: BTreeMap<String, &Tensor> = named("weight", &variables)
        .chain(named("average", run.average.tensors()))
        .chain(run.optimiser.state())
        .collect();
    let state = State {
        format: FORMAT,
        iteration: run.iteration,
        best: run.best,
    };
    let header = serde_json::to_string(&Header {
        setup: setup.clone(),
        state,
    });
    let header = header.expect("numbers and names are JSON");
    // One entry only: a header's entries have no order, and the same run is to give the same bytes.
    let header = HashMap::from([(HEADER.to_owned(), header)]);
    files::replace(
        &folder.join(CHECKPOINT),
        &weights::serialise(&tensors, Some(header))?,
    )?;
    Ok(())
}

/// The checkpoint in `folder`; `None` where there is none.
pub fn read(folder: &Path) -> Result<Option<Checkpoint>, CheckpointError> {
    let path = folder.join(CHECKPOINT);
    let bytes = match fs_err::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    let unreadable = |cause: String| CheckpointError::Unreadable {
        path: path.clone(),
        cause,
    };
    let Stored { tensors, header } =
        weights::parse(&bytes).map_err(|cause| unreadable(cause.to_string()))?;
    let header = header
        .get(HEADER)
        .ok_or_else(|| unreadable(format!("its header lacks {HEADER}")))?;
    let Versioned {
        state: Version { format },
    } = serde_json::from_str(header).map_err(|cause| unreadable(cause.to_string()))?;
    if format != FORMAT {
        return Err(unreadable(format!("its format is {format}, not {FORMAT}")));
    }
    let Header { setup, state } =
        serde_json::from_str(header).map_err(|cause| unreadable(cause.to_string()))?;
    Ok(Some(Checkpoint {
        setup,
        state,
        tensors,
    }))
}

impl Checkpoint {
    /// The run, as it was.
    pub fn resume(&self, device: Device) -> Result<Run, TchError> {
        let _guard = tch::no_grad_guard();
        let mut run = Run::start(&self.setup.recipe, device)?;
        for (name, mut variable) in run.store.variables() {
            variable.f_copy_(&self.tensor(&format!("weight.{name}"))?)?;
        }
        let mut averages = HashMap::new();
        for name in run.store.variables().into_keys() {
            let average = self
                .tensor(&format!("average.{name}"))?
                .f_to_device(device)?;
            averages.insert(name, average);
        }
        let updates = self.state.iteration;
        run.average = MovingAverage::resumed(averages, self.setup.recipe.average_decay, updates);
        run.optimiser.restore(updates, &|name| self.tensor(name))?;
        run.iteration = self.state.iteration;
        run.best = self.state.best;
        Ok(run)
    }

    fn tensor(&self, name: &str) -> Result<Tensor, TchError> {
        let tensor = self.tensors.get(name);
        tensor
            .map(Tensor::shallow_clone)
            .ok_or_else(|| TchError::Shape(format!("the checkpoint lacks {name}")))
    }
}
