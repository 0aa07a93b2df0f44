//! Decides what happens in a training run, from the first draw of the weights to the best that validation saw.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tch::nn::{ModuleT, VarStore};
use tch::{Device, TchError, Tensor};

use super::augment::Varied;
use super::average::{MovingAverage, copies};
use super::feed::{self, FeedOptions};
use super::loss::loss;
use super::optimiser::Optimiser;
use super::recipe::Recipe;
use super::sample::{Exam, Sample};
use super::validate::{self, ValidateError, Validation};
use lungfield_model::network::segnet::SegNet;

/// What a run learns from, and what it is judged by.
#[derive(Clone, Debug)]
pub struct Films {
    /// The films to learn from; at least one.
    pub train: Arc<[Sample]>,
    /// The films by which weights are chosen; at least one.
    pub validation: Vec<Exam>,
}

/// An iteration, done.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Iterations done.
    pub iteration: u32,
    /// The loss of the iteration's batch.
    pub loss: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// How long it took, waiting included.
    pub took: Duration,
    /// How long the network waited for the batch.
    pub waited: Duration,
}

/// The best that a run has come to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Iterations done then.
    pub iteration: u32,
    /// Mean Dice on the validation films.
    pub mean_dice: f64,
}

/// Weights and how well they did.
#[derive(Debug)]
pub struct Learned {
    /// The weights, by name.
    pub weights: HashMap<String, Tensor>,
    /// Iterations after which they stood.
    pub iteration: u32,
    /// How they did on the validation films.
    pub validation: Validation,
    /// How long it took to find out.
    pub took: Duration,
}

/// Who follows a run: shows it, records it, keeps what it comes to, and may end it.
pub trait Follower {
    /// Why a run can't go on.
    type Error: From<TchError> + From<ValidateError>;
    /// An iteration is done.
    fn step(&mut self, step: &Step) -> Result<(), Self::Error>;
    /// Weights were scored; `best` says whether no earlier ones did as well, and then they are to be kept.
    fn validated(&mut self, learned: Learned, best: bool) -> Result<(), Self::Error>;
    /// Everything of this moment is in order: the run may be written down, and go on or stop.
    fn moment(&mut self, run: &Run) -> Result<ControlFlow<()>, Self::Error>;
}

/// Takes a run to its last iteration, or to where its follower stops it.
///
/// Weights are chosen by the mean Dice of their moving average on the validation films.
pub fn learn<F: Follower>(run: &mut Run, films: &Films, follower: &mut F) -> Result<(), F::Error> {
    let batches = feed::start(Arc::clone(&films.train), run.feed());
    while !run.is_finished() {
        follower.step(&run.step(&batches)?)?;
        if run.is_to_validate() {
            let learned = run.validate(&films.validation)?;
            let best = run.is_best(&learned);
            follower.validated(learned, best)?;
        }
        if follower.moment(run)?.is_break() {
            return Ok(());
        }
    }
    Ok(())
}

/// A run between two iterations.
#[derive(Debug)]
pub struct Run {
    pub(super) recipe: Recipe,
    pub(super) store: VarStore,
    pub(super) optimiser: Optimiser,
    pub(super) average: MovingAverage,
    pub(super) iteration: u32,
    pub(super) best: Option<Best>,
    network: SegNet,
}

impl Run {
    /// A run that has done nothing yet: weights drawn from the recipe's seed.
    pub fn start(recipe: &Recipe, device: Device) -> Result<Self, TchError> {
        #[expect(clippy::cast_possible_wrap, reason = "a seed is any 64 bits")]
        tch::manual_seed(recipe.seed as i64);
        let store = VarStore::new(device);
        let network = SegNet::new(&store.root(), recipe.width, recipe.precision.kind());
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

    /// Iterations done.
    #[must_use]
    pub fn iteration(&self) -> u32 {
        self.iteration
    }

    /// The best so far.
    #[must_use]
    pub fn best(&self) -> Option<Best> {
        self.best
    }

    /// Whether every iteration is done.
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

    fn step(&mut self, batches: &Receiver<Vec<Varied>>) -> Result<Step, TchError> {
        let began = Instant::now();
        let batch = batches
            .recv()
            .expect("the feed makes a batch for every iteration");
        let waited = began.elapsed();
        let device = self.store.device();
        let planes = stack(batch.iter().map(|varied| varied.plane.as_slice()), device)?;
        let targets = stack(batch.iter().map(|varied| varied.target.as_slice()), device)?;
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
        let loss = loss.f_double_value(&[])?; // on CUDA this waits for the step, so the time below is whole
        Ok(Step {
            iteration: self.iteration,
            loss,
            learning_rate,
            took: began.elapsed(),
            waited,
        })
    }

    /// The averaged weights, and how they do.
    fn validate(&self, exams: &[Exam]) -> Result<Learned, ValidateError> {
        let began = Instant::now();
        let weights = copies(self.average.tensors())?;
        let validation = validate::validate(&weights, &self.recipe, self.store.device(), exams)?;
        Ok(Learned {
            weights,
            iteration: self.iteration,
            validation,
            took: began.elapsed(),
        })
    }

    fn is_best(&mut self, learned: &Learned) -> bool {
        let mean_dice = learned.validation.mean_dice();
        let is_best = self.best.is_none_or(|best| mean_dice > best.mean_dice);
        if is_best {
            self.best = Some(Best {
                iteration: learned.iteration,
                mean_dice,
            });
        }
        is_best
    }
}

/// Square planes, one over another: `[n, 1, side, side]`.
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
