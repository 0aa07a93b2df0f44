//! Decides what `lungfield-train` can be told: every number of a training run is a flag.

use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::Parser;

use crate::model::device::DeviceChoice;
use crate::network::layout::SIDE_MULTIPLE;
use crate::preprocess::PreprocessOptions;
use crate::train::augment::AugmentOptions;
use crate::train::learn::LearnOptions;

/// Trains a model on a data set and writes a model directory that lungfield-serve can serve.
///
/// Weights are chosen by mean Dice on the cases of the split "validation"; those of "test" are not looked at.
#[derive(Clone, Debug, Parser)]
#[command(name = "lungfield-train", version)]
pub struct TrainSettings {
    /// The data set: a folder with cases.csv and the images that it names.
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,
    /// The model directory to write; it is made where it does not exist.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// The model's name.
    #[arg(long, default_value = "lungfield-segnet")]
    pub name: String,
    /// The model's version.
    #[arg(long, default_value = "0.0.0")]
    pub model_version: String,
    /// The terms on which the weights may be used; those of the films and masks bind the weights too.
    #[arg(long, default_value = "unstated; the terms of the training data apply")]
    pub license: String,
    /// Where training runs: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// Channels of the network's first block; 64 is the article's.
    #[arg(long, default_value = "16")]
    pub width: NonZeroU16,
    /// The side of the square model grid, a multiple of 32.
    #[arg(long, default_value_t = 256)]
    pub side: u32,
    /// Optimiser steps.
    #[arg(long, default_value = "2600")]
    pub iterations: NonZeroU32,
    /// Films in a step.
    #[arg(long, default_value = "6")]
    pub batch_size: NonZeroUsize,
    /// The highest learning rate.
    #[arg(long, default_value_t = 0.05)]
    pub learning_rate: f64,
    /// Iterations over which the learning rate rises.
    #[arg(long, default_value_t = 100)]
    pub warmup: u32,
    /// The power with which the learning rate falls.
    #[arg(long, default_value_t = 0.9)]
    pub decay_power: f64,
    /// The optimiser's momentum.
    #[arg(long, default_value_t = 0.9)]
    pub momentum: f64,
    /// The optimiser's weight decay.
    #[arg(long, default_value_t = 1e-4)]
    pub weight_decay: f64,
    /// The memory of the weights' moving average, from 0 (none) to below 1.
    #[arg(long, default_value_t = 0.995)]
    pub average_decay: f64,
    /// Iterations between two validations.
    #[arg(long, default_value = "200")]
    pub validate_every: NonZeroU32,
    /// The seed of the weights, the order of the films and their variations.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Train on the films as they are, without varying them.
    #[arg(long)]
    pub no_augmentation: bool,
}

impl TrainSettings {
    /// The numbers of the run.
    #[must_use]
    pub fn learn_options(&self) -> LearnOptions {
        LearnOptions {
            width: self.width,
            iterations: self.iterations.get(),
            batch_size: self.batch_size.get(),
            learning_rate: self.learning_rate,
            warmup: self.warmup,
            decay_power: self.decay_power,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            average_decay: self.average_decay,
            validate_every: self.validate_every.get(),
            seed: self.seed,
            augment: if self.no_augmentation { AugmentOptions::NONE } else { AugmentOptions::default() },
        }
    }

    /// What would spoil a run only once it has cost hours.
    pub fn check(&self) -> Result<(), String> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let share = |value: f64| (0.0..1.0).contains(&value);
        let rules = [
            (self.side > 0 && self.side.is_multiple_of(SIDE_MULTIPLE), "--side is not a multiple of 32"),
            (positive(self.learning_rate), "--learning-rate is not a number above 0"),
            (positive(self.decay_power), "--decay-power is not a number above 0"),
            (share(self.momentum), "--momentum is not from 0 to below 1"),
            (share(self.weight_decay), "--weight-decay is not from 0 to below 1"),
            (share(self.average_decay), "--average-decay is not from 0 to below 1"),
        ];
        rules.into_iter().find(|(kept, _)| !kept).map_or(Ok(()), |(_, broken)| Err(broken.to_owned()))
    }

    /// What happens to a film before the network sees it.
    #[must_use]
    pub fn preprocess_options(&self) -> PreprocessOptions {
        PreprocessOptions { side: self.side, ..PreprocessOptions::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str]) -> Result<(), String> {
        let given = ["lungfield-train", "--data", "d", "--out", "o"].iter().chain(arguments);
        TrainSettings::try_parse_from(given).unwrap().check()
    }

    #[test]
    fn a_run_that_could_not_be_served_is_not_begun() {
        check(&[]).unwrap();
        for (bad, flag) in [
            ("--side=100", "--side"),
            ("--side=0", "--side"),
            ("--learning-rate=nan", "--learning-rate"),
            ("--average-decay=1", "--average-decay"),
        ] {
            assert!(check(&[bad]).unwrap_err().contains(flag), "{bad}");
        }
    }
}
