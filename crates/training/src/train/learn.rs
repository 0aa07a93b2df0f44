//! The training loop.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tch::nn::{ModuleT, VarStore};
use tch::{Device, TchError, Tensor};

use super::augment::AugmentedSample;
use super::average::{MovingAverage, copies};
use super::feed::{self, FeedOptions};
use super::loss::loss;
use super::optimiser::Optimiser;
use super::recipe::Recipe;
use super::validate::{self, ValidateError, Validation};
use crate::dataset::{EvalSample, TrainingSample};

/// The films of a training run.
#[derive(Clone, Debug)]
pub struct TrainingData {
    /// The films to learn from; at least one.
    pub train: Arc<[TrainingSample]>,
    /// The films by which the weights are chosen; at least one.
    pub validation: Vec<EvalSample>,
}

/// A finished optimiser step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The number of finished iterations, this one included.
    pub iteration: u32,
    /// The loss of the batch.
    pub loss: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// The duration of the iteration, waiting included.
    pub duration: Duration,
    /// How long the network waited for the batch.
    pub waited: Duration,
}

/// The best validation of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestValidation {
    /// The number of iterations before the validation.
    pub iteration: u32,
    /// The mean Dice of the validation films.
    pub mean_dice: f64,
}

/// Weights and their validation.
#[derive(Debug)]
pub struct ValidatedWeights {
    /// The weights, by name.
    pub weights: HashMap<String, Tensor>,
    /// The number of iterations before the validation.
    pub iteration: u32,
    /// The scores of the validation films.
    pub validation: Validation,
    /// The duration of the validation.
    pub duration: Duration,
}

/// An observer of a training run, which shows it, records it, keeps its results and may stop it.
pub trait TrainingObserver {
    /// The error that ends a run.
    type Error: From<TchError> + From<ValidateError>;

    /// Called after each optimiser step.
    fn after_step(&mut self, step: &Step) -> Result<(), Self::Error>;

    /// Called after each validation. `is_best` is true if no earlier weights scored as high, so these are to be kept.
    fn after_validation(
        &mut self,
        validated: ValidatedWeights,
        is_best: bool,
    ) -> Result<(), Self::Error>;

    /// Called at the end of each iteration, after its validation if it has one. Here the state of the run is
    /// consistent, so it can be saved and stopped.
    fn after_iteration(&mut self, run: &Run) -> Result<ControlFlow<()>, Self::Error>;
}

/// Trains until the last iteration, or until the observer stops the run.
///
/// The best weights are those whose moving average has the highest mean Dice on the validation films.
pub fn learn<O: TrainingObserver>(
    run: &mut Run,
    data: &TrainingData,
    observer: &mut O,
) -> Result<(), O::Error> {
    let batches = feed::start(Arc::clone(&data.train), run.feed());
    while !run.is_finished() {
        observer.after_step(&run.step(&batches)?)?;
        if run.is_to_validate() {
            let validated = run.validate(&data.validation)?;
            let is_best = run.update_best(&validated);
            observer.after_validation(validated, is_best)?;
        }
        if observer.after_iteration(run)?.is_break() {
            return Ok(());
        }
    }
    Ok(())
}

/// The state of a training run between two iterations.
#[derive(Debug)]
pub struct Run {
    pub(super) recipe: Recipe,
    pub(super) store: VarStore,
    pub(super) optimiser: Optimiser,
    pub(super) average: MovingAverage,
    pub(super) iteration: u32,
    pub(super) best: Option<BestValidation>,
    network: Box<dyn ModuleT>,
}

impl Run {
    /// Starts a run with weights drawn from the seed of the recipe.
    pub fn start(recipe: &Recipe, device: Device) -> Result<Self, TchError> {
        #[expect(clippy::cast_possible_wrap, reason = "a seed is any 64 bits")]
        tch::manual_seed(recipe.seed as i64);
        let store = VarStore::new(device);
        let network = recipe
            .network()
            .modules(&store.root(), recipe.precision.kind());
        Ok(Self {
            optimiser: Optimiser::new(store.variables(), recipe.optimiser)?,
            average: MovingAverage::new(&store.variables(), recipe.average_decay)?,
            recipe: recipe.clone(),
            store,
            network,
            iteration: 0,
            best: None,
        })
    }

    /// Returns the number of finished iterations.
    #[must_use]
    pub fn iteration(&self) -> u32 {
        self.iteration
    }

    /// Returns the best validation so far.
    #[must_use]
    pub fn best(&self) -> Option<BestValidation> {
        self.best
    }

    /// Returns whether every iteration is finished.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.iteration >= self.recipe.iterations
    }

    fn is_to_validate(&self) -> bool {
        self.iteration.is_multiple_of(self.recipe.validate_every) || self.is_finished()
    }

    fn feed(&self) -> FeedOptions {
        FeedOptions {
            batch_size: self.recipe.batch_size,
            done: self.iteration,
            iterations: self.recipe.iterations,
            source_balance: self.recipe.source_balance,
            seed: self.recipe.seed,
            augment: self.recipe.augment,
            coarse_iterations: self.recipe.coarse_iterations(),
        }
    }

    fn step(&mut self, batches: &Receiver<Vec<AugmentedSample>>) -> Result<Step, TchError> {
        let started = Instant::now();
        let batch = batches
            .recv()
            .expect("the feed makes a batch for every iteration");
        let waited = started.elapsed();
        let device = self.store.device();
        let planes = stack(batch.iter().map(|sample| sample.plane.as_slice()), device)?;
        let targets = stack(batch.iter().map(|sample| sample.target.as_slice()), device)?;
        let learning_rate = self.recipe.schedule().learning_rate(self.iteration);
        let loss = loss(
            &self.network.forward_t(&planes, true),
            &targets,
            &self.recipe.loss,
        )?;
        loss.f_backward()?;
        self.optimiser.step(learning_rate)?;
        self.average.update(&self.store.variables())?;
        self.iteration += 1;
        let loss = loss.f_double_value(&[])?; // on CUDA this waits for the step, so the duration below is whole
        Ok(Step {
            iteration: self.iteration,
            loss,
            learning_rate,
            duration: started.elapsed(),
            waited,
        })
    }

    /// Scores the averaged weights.
    fn validate(&self, samples: &[EvalSample]) -> Result<ValidatedWeights, ValidateError> {
        let started = Instant::now();
        let weights = copies(self.average.tensors())?;
        let validation = validate::validate(&weights, &self.recipe, self.store.device(), samples)?;
        Ok(ValidatedWeights {
            weights,
            iteration: self.iteration,
            validation,
            duration: started.elapsed(),
        })
    }

    /// Updates the best validation, and returns whether `validated` is better than every earlier one.
    fn update_best(&mut self, validated: &ValidatedWeights) -> bool {
        let mean_dice = validated.validation.mean_dice();
        let is_best = self.best.is_none_or(|best| mean_dice > best.mean_dice);
        if is_best {
            self.best = Some(BestValidation {
                iteration: validated.iteration,
                mean_dice,
            });
        }
        is_best
    }
}

/// Stacks square planes into a tensor `[n, 1, side, side]`.
fn stack<'a>(
    planes: impl ExactSizeIterator<Item = &'a [f32]>,
    device: Device,
) -> Result<Tensor, TchError> {
    let count = i64::try_from(planes.len()).expect("a batch fits in memory");
    let values: Vec<f32> = planes.flatten().copied().collect();
    let side = (values.len() as f64 / count as f64).sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the root of a square number of pixels"
    )]
    let side = side as i64;
    Tensor::f_from_slice(&values)?
        .f_view([count, 1, side, side])?
        .f_to_device(device)
}
