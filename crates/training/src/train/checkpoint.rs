//! Checkpoints, from which a run resumes as if it had never stopped.
//!
//! A checkpoint is one safetensors file. Its tensors are the weights, the optimiser's state and the moving average; its
//! header has the recipe, the iteration and the best validation. The order of the films, their variations and the
//! learning rate follow from the seed and the iteration alone, and nothing else in a run is random.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Device, TchError, Tensor};

use super::average::MovingAverage;
use super::learn::{BestValidation, Run};
use super::recipe::Recipe;
use lungfield_model::weights::{self, Stored};
use lungfield_radiograph::preprocess::PreprocessOptions;
use lungfield_support::files;

/// The name of the checkpoint in a run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The only entry of the header.
const HEADER: &str = "run";
/// The version of the format that is read and written.
const FORMAT: u32 = 2;

/// The setup of a run, which stays the same when it is resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The recipe.
    pub recipe: Recipe,
    /// The preprocessing of the films.
    pub preprocessing: PreprocessOptions,
    /// The SHA-256 of the split table, in hexadecimal.
    pub films_sha256: String,
}

/// A saved run.
#[derive(Debug)]
pub struct Checkpoint {
    /// The setup of the run.
    pub setup: Setup,
    state: State,
    tensors: HashMap<String, Tensor>,
}

/// The header of a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    setup: Setup,
    state: State,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    format: u32,
    iteration: u32,
    best: Option<BestValidation>,
}

/// The part of the header that every format has.
#[derive(Deserialize)]
struct Versioned {
    state: Version,
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// A checkpoint that can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file can't be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The file is not a checkpoint, or is incomplete.
    #[error("{path} is not a checkpoint that this version reads: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: String,
    },
    /// libtorch failed on the tensors.
    #[error(transparent)]
    Tensors(#[from] TchError),
}

/// Writes a checkpoint into `folder`. The file is replaced whole or not at all.
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
    // The entries of a header have no order. With a single entry the same run gives the same bytes.
    let header = HashMap::from([(HEADER.to_owned(), header)]);
    files::replace(
        &folder.join(CHECKPOINT),
        &weights::serialise(&tensors, Some(header))?,
    )?;
    Ok(())
}

/// Reads the checkpoint in `folder`, or returns `None` if there is none.
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
    /// Restores the run.
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
