//! Phantoms and a small model that is trained on a few of them, for tests that work with any model.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::NonZeroU16;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use lungfield_codec::png;
use lungfield_engine::pipeline::Pipeline;
use lungfield_model::device::{Placement, Precision};
use lungfield_model::manifest::{MANIFEST, WEIGHTS};
use lungfield_model::{LoadOptions, load};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
use lungfield_training::dataset::EvalSample;
use lungfield_training::dataset::{
    Case, DatasetFolder, DatasetLayout, ListOptions, Problems, Split, in_split, list,
};
use lungfield_training::train::augment::AugmentOptions;
use lungfield_training::train::export::Export;
use lungfield_training::train::learn::{
    Run, Step, TrainingData, TrainingObserver, ValidatedWeights, learn,
};
use lungfield_training::train::loss::LossOptions;
use lungfield_training::train::optimiser::{Method, OptimiserOptions};
use lungfield_training::train::preset::Preset;
use lungfield_training::train::recipe::Recipe;
use tempfile::TempDir;

/// The side of the small model's grid.
const SIDE: u32 = 64;

/// Draws an 8-bit phantom.
#[must_use]
pub fn phantom(seed: u64, width: u32, height: u32) -> Phantom {
    let size = Size::new(width, height).unwrap();
    Phantom::draw(&PhantomOptions {
        seed,
        size,
        depth: Depth::Eight,
    })
}

/// Encodes the film of a square phantom as PNG.
#[must_use]
pub fn film(seed: u64, side: u32) -> Vec<u8> {
    png::encode_radiograph(&phantom(seed, side, side).film)
}

/// Encodes the mask of a square phantom as PNG.
#[must_use]
pub fn reference(seed: u64, side: u32) -> Vec<u8> {
    png::encode_mask(&phantom(seed, side, side).mask)
}

/// Returns the recipe of a run that takes a moment.
#[must_use]
pub fn recipe(iterations: u32) -> Recipe {
    Recipe {
        width: NonZeroU16::new(2).unwrap(),
        iterations,
        batch_size: 4,
        optimiser: OptimiserOptions {
            method: Method::Sgd,
            momentum: 0.9,
            weight_decay: 1e-4,
        },
        learning_rate: 0.05,
        warmup: 3,
        loss: LossOptions {
            dice_weight: 1.0,
            lung_weight: 1.0,
        },
        average_decay: 0.9,
        flip_averaging: false,
        coarse_share: 0.0,
        validate_every: iterations,
        augment: AugmentOptions::NONE,
        ..Preset::Lungfield.recipe(Precision::F32)
    }
}

/// Prepares phantoms of the small model's side to train on, and as many others to validate on.
pub fn training_data(count: u64) -> TrainingData {
    let preprocessor = Preprocessor::new(preprocessing()).unwrap();
    let sample = |seed| {
        let phantom = phantom(seed, SIDE, SIDE);
        EvalSample::new(&phantom.film, phantom.mask, "phantom", &preprocessor)
    };
    TrainingData {
        train: (0..count).map(sample).map(Into::into).collect(),
        validation: (count..2 * count).map(sample).collect(),
    }
}

/// An observer that keeps the results of a run in memory, and stops the run after an iteration.
#[derive(Debug, Default)]
pub struct MemoryObserver {
    /// The loss of every iteration.
    pub losses: Vec<f64>,
    /// The best weights so far.
    pub best: Option<ValidatedWeights>,
    /// The iteration after which the run is stopped; `None` for the last.
    pub stop_after: Option<u32>,
}

impl TrainingObserver for MemoryObserver {
    type Error = anyhow::Error;

    fn after_step(&mut self, step: &Step) -> anyhow::Result<()> {
        self.losses.push(step.loss);
        Ok(())
    }

    fn after_validation(
        &mut self,
        validated: ValidatedWeights,
        is_best: bool,
    ) -> anyhow::Result<()> {
        if is_best {
            self.best = Some(validated);
        }
        Ok(())
    }

    fn after_iteration(&mut self, run: &Run) -> anyhow::Result<ControlFlow<()>> {
        let stop = self.stop_after == Some(run.iteration());
        Ok(if stop {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }
}

/// Locks training, with one thread, until the guard is dropped.
///
/// One run at a time: libtorch draws the initial weights of all runs in a process from one generator. With one thread:
/// small planes do not gain from more, and threads that spin while they wait take the cores from other tests.
pub fn lock_training() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(1);
    turn
}

/// Trains on the CPU and returns the loss of every iteration with the best weights.
#[must_use]
pub fn trained(recipe: &Recipe, data: &TrainingData) -> (Vec<f64>, ValidatedWeights) {
    let _lock = lock_training();
    let mut run = Run::start(recipe, Placement::cpu().device()).unwrap();
    let mut observer = MemoryObserver::default();
    learn(&mut run, data, &mut observer).unwrap();
    (observer.losses, observer.best.unwrap())
}

/// Writes a model directory of the small model.
pub fn export(folder: &Path, validated: &ValidatedWeights, recipe: &Recipe) {
    let export = Export {
        name: "small".to_owned(),
        version: "0.0.1".to_owned(),
        license: "CC0-1.0".to_owned(),
        preprocessing: preprocessing(),
        cases: BTreeMap::from([("phantom".to_owned(), 4)]),
    };
    export.write(folder, validated, recipe).unwrap();
}

/// Returns the preprocessing of the small model.
#[must_use]
pub fn preprocessing() -> PreprocessOptions {
    PreprocessOptions {
        side: SIDE,
        ..PreprocessOptions::default()
    }
}

/// Writes the small model into a temporary directory of the caller.
///
/// The model is trained for two iterations, so its masks mean nothing and its probabilities are near the threshold:
/// serve it in 32 bits.
#[must_use]
pub fn model() -> TempDir {
    static FILES: LazyLock<[(&str, Vec<u8>); 2]> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let recipe = recipe(2);
        export(
            folder.path(),
            &trained(&recipe, &training_data(4)).1,
            &recipe,
        );
        [MANIFEST, WEIGHTS].map(|name| (name, fs_err::read(folder.path().join(name)).unwrap()))
    });
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in &*FILES {
        fs_err::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Lists the cases of one split of a data set.
pub fn cases(folder: &Path, split: Split) -> Result<Vec<Case>, Problems> {
    let data = DatasetFolder {
        folder: folder.to_owned(),
        layout: Some(DatasetLayout::Cases),
    };
    in_split(&list(&[data], ListOptions::default())?.cases, split)
}

/// Writes a data set of phantoms, with the given number of cases of each split.
#[must_use]
pub fn data_set(splits: &[(&str, u64)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut list = "case,source,image,reference,split\n".to_owned();
    let all = splits
        .iter()
        .flat_map(|(split, count)| (0..*count).map(move |_| split));
    for (seed, split) in (0..).zip(all) {
        let phantom = phantom(seed, 96, 80);
        fs_err::write(
            folder.path().join(format!("{seed}.png")),
            png::encode_radiograph(&phantom.film),
        )
        .unwrap();
        fs_err::write(
            folder.path().join(format!("{seed}-mask.png")),
            png::encode_mask(&phantom.mask),
        )
        .unwrap();
        writeln!(
            list,
            "phantom-{seed},phantom,{seed}.png,{seed}-mask.png,{split}"
        )
        .unwrap();
    }
    fs_err::write(folder.path().join("cases.csv"), list).unwrap();
    folder
}

/// Loads the pipeline of a model directory, in 32 bits on the CPU.
#[must_use]
pub fn pipeline(folder: &Path) -> Pipeline {
    let options = LoadOptions::new(Placement::cpu());
    load(folder, &options).unwrap().pipeline
}
