//! Decides what happens in a training run, from the first draw of the weights to the best that validation saw.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tch::nn::{ModuleT, VarStore};
use tch::{Device, TchError, Tensor};

use super::augment::{AugmentOptions, Varied};
use super::average::{MovingAverage, copies};
use super::feed::{self, FeedOptions};
use super::loss::loss;
use super::optimiser::Sgd;
use super::sample::{Exam, Sample};
use super::schedule::Schedule;
use super::validate::{self, ValidateError};
use crate::network::segnet::SegNet;

/// Every number that decides a training run; the manifest keeps them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnOptions {
    /// Channels of the network's first block.
    pub width: NonZeroU16,
    /// Optimiser steps.
    pub iterations: u32,
    /// Films in a step.
    pub batch_size: usize,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Iterations over which the learning rate rises.
    pub warmup: u32,
    /// The power with which the learning rate falls.
    pub decay_power: f64,
    /// The optimiser's momentum.
    pub momentum: f64,
    /// The optimiser's weight decay.
    pub weight_decay: f64,
    /// The memory of the weights' moving average, from 0 (none) to below 1.
    pub average_decay: f64,
    /// Iterations between two validations.
    pub validate_every: u32,
    /// The seed of the weights, the order of the films and their variations.
    pub seed: u64,
    /// How films are varied.
    pub augment: AugmentOptions,
}

/// What a run learns from, and what it is judged by.
#[derive(Clone, Debug)]
pub struct Films {
    /// The films to learn from; at least one.
    pub train: Arc<[Sample]>,
    /// The films by which weights are chosen.
    pub validation: Vec<Exam>,
}

/// What a training run says of itself as it goes.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// An iteration is done.
    Step {
        /// Iterations done.
        iteration: u32,
        /// The loss of the iteration's batch.
        loss: f64,
        /// How long the network waited for the batch.
        waited: Duration,
    },
    /// The averaged weights were scored.
    Validated {
        /// Iterations done.
        iteration: u32,
        /// Mean Dice on the validation films.
        mean_dice: f64,
        /// The lowest Dice on the validation films.
        lowest_dice: f64,
        /// Whether no earlier weights did as well.
        best: bool,
    },
}

/// Weights and how well they did.
#[derive(Debug)]
pub struct Learned {
    /// The weights, by name.
    pub weights: HashMap<String, Tensor>,
    /// Iterations after which they stood.
    pub iteration: u32,
    /// Their mean Dice on the validation films.
    pub validation_dice: f64,
}

/// Trains a network and hands each new best to `keep`, which decides what becomes of it; returns the last best.
///
/// Weights are chosen by the mean Dice of their moving average on the validation films. `observe` hears of every iteration.
pub fn learn<E: From<TchError> + From<ValidateError>>(
    options: &LearnOptions,
    films: &Films,
    device: Device,
    observe: &mut dyn FnMut(Progress),
    keep: &mut dyn FnMut(&Learned) -> Result<(), E>,
) -> Result<Option<Learned>, E> {
    let mut run = Run::start(options, Arc::clone(&films.train), device)?;
    let mut best: Option<Learned> = None;
    for iteration in 1..=options.iterations {
        observe(run.step(iteration)?);
        if !iteration.is_multiple_of(options.validate_every) && iteration != options.iterations {
            continue;
        }
        let found = run.validate(iteration, &films.validation)?;
        let is_best = best.as_ref().is_none_or(|best| found.0.validation_dice > best.validation_dice);
        observe(Progress::Validated {
            iteration,
            mean_dice: found.0.validation_dice,
            lowest_dice: found.1,
            best: is_best,
        });
        if is_best {
            keep(&found.0)?;
            best = Some(found.0);
        }
    }
    Ok(best)
}

/// The moving parts of a run.
struct Run<'a> {
    options: &'a LearnOptions,
    device: Device,
    store: VarStore,
    network: SegNet,
    optimiser: Sgd,
    average: MovingAverage,
    schedule: Schedule,
    batches: std::sync::mpsc::Receiver<Vec<Varied>>,
}

impl<'a> Run<'a> {
    fn start(options: &'a LearnOptions, samples: Arc<[Sample]>, device: Device) -> Result<Self, TchError> {
        #[expect(clippy::cast_possible_wrap, reason = "a seed is any 64 bits")]
        tch::manual_seed(options.seed as i64);
        let store = VarStore::new(device);
        let network = SegNet::new(&store.root(), options.width);
        let feed = FeedOptions {
            batch_size: options.batch_size,
            iterations: options.iterations,
            seed: options.seed,
            augment: options.augment,
        };
        Ok(Self {
            optimiser: Sgd::new(store.trainable_variables(), options.momentum, options.weight_decay)?,
            average: MovingAverage::new(&store.variables(), options.average_decay)?,
            schedule: Schedule {
                peak: options.learning_rate,
                warmup: options.warmup,
                iterations: options.iterations,
                power: options.decay_power,
            },
            batches: feed::start(samples, feed),
            options,
            device,
            store,
            network,
        })
    }

    fn step(&mut self, iteration: u32) -> Result<Progress, TchError> {
        let asked = Instant::now();
        let batch = self.batches.recv().expect("the feed makes a batch for every iteration");
        let waited = asked.elapsed();
        let planes = stack(batch.iter().map(|varied| varied.plane.as_slice()), self.device)?;
        let targets = stack(batch.iter().map(|varied| varied.target.as_slice()), self.device)?;
        let loss = loss(&self.network.forward_t(&planes, true), &targets)?;
        loss.f_backward()?;
        self.optimiser.step(self.schedule.learning_rate(iteration - 1))?;
        self.average.update(&self.store.variables())?;
        Ok(Progress::Step { iteration, loss: loss.f_double_value(&[])?, waited })
    }

    /// The averaged weights with their mean Dice, and their lowest.
    fn validate(&self, iteration: u32, exams: &[Exam]) -> Result<(Learned, f64), ValidateError> {
        let scores = validate::dice(self.average.tensors(), self.options.width, self.device, exams)?;
        let lowest = scores.iter().copied().fold(1.0, f64::min);
        let weights = copies(self.average.tensors())?;
        Ok((Learned { weights, iteration, validation_dice: validate::mean(&scores) }, lowest))
    }
}

/// Square planes, one over another: `[n, 1, side, side]`.
fn stack<'a>(planes: impl ExactSizeIterator<Item = &'a [f32]>, device: Device) -> Result<Tensor, TchError> {
    let count = i64::try_from(planes.len()).expect("a batch fits in memory");
    let values: Vec<f32> = planes.flatten().copied().collect();
    let side = (values.len() as f64 / count as f64).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "the root of a square number of pixels")]
    let side = side as i64;
    Tensor::f_from_slice(&values)?.f_view([count, 1, side, side])?.f_to_device(device)
}
