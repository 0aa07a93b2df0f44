//! The flags for the numbers of a training run.

use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};

use clap::Args;

use crate::train::augment::AugmentOptions;
use crate::train::optimiser::Method;
use crate::train::recipe::Recipe;
use crate::train::schedule::Decay;

/// The numbers of a run. Those that are not given are the preset's, which `--preset lungfield --dry-run` prints.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Numbers of the run (default: the preset's)")]
pub struct RecipeFlags {
    /// Channels of the network's first block; 64 is the article's.
    #[arg(long)]
    pub width: Option<NonZeroU16>,
    /// The number of optimiser steps.
    #[arg(long)]
    pub iterations: Option<NonZeroU32>,
    /// The number of films in a step.
    #[arg(long)]
    pub batch_size: Option<NonZeroUsize>,
    /// How weights follow their gradients.
    #[arg(long)]
    pub optimiser: Option<Method>,
    /// The highest learning rate.
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// The number of iterations over which the learning rate rises.
    #[arg(long)]
    pub warmup: Option<u32>,
    /// How the learning rate falls.
    #[arg(long)]
    pub decay: Option<Decay>,
    /// The optimiser's momentum.
    #[arg(long)]
    pub momentum: Option<f64>,
    /// The optimiser's weight decay.
    #[arg(long)]
    pub weight_decay: Option<f64>,
    /// The weight of soft Dice in the loss, beside cross-entropy.
    #[arg(long)]
    pub dice_weight: Option<f64>,
    /// The weight of a lung pixel in cross-entropy, beside 1 for any other.
    #[arg(long)]
    pub lung_weight: Option<f64>,
    /// The decay of the moving average of the weights, from 0 (none) to below 1.
    #[arg(long)]
    pub average_decay: Option<f64>,
    /// Whether the model averages the maps of a film and of its mirror image, at twice the cost of serving.
    #[arg(long, value_name = "BOOL")]
    pub flip_averaging: Option<bool>,
    /// The balance between sources, from 0 (each film is seen equally often) to 1 (each source is).
    #[arg(long)]
    pub source_balance: Option<f64>,
    /// The share of the iterations, from the first on, that see films on a grid of two thirds the side, which costs
    /// less.
    #[arg(long)]
    pub coarse_share: Option<f64>,
    /// The number of iterations between two validations.
    #[arg(long)]
    pub validate_every: Option<NonZeroU32>,
    /// The seed of the weights, the order of the films and their variations.
    #[arg(long)]
    pub seed: Option<u64>,
    #[command(flatten)]
    augment: AugmentFlags,
}

/// How films are varied. Each range lies around no change.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How films are varied (default: the preset's)")]
struct AugmentFlags {
    /// Vary only what the flags below state.
    #[arg(long)]
    no_augmentation: bool,
    /// Largest shift along either axis, as a share of the side.
    #[arg(long)]
    shift: Option<f64>,
    /// Largest change of size, as a logarithm: 0.2 is from ÷1.22 to ×1.22.
    #[arg(long)]
    scale: Option<f64>,
    /// Largest change of aspect, as a logarithm.
    #[arg(long)]
    aspect: Option<f64>,
    /// Largest rotation, in degrees.
    #[arg(long)]
    rotation_degrees: Option<f64>,
    /// Largest shift of a part of the film on its own, as a share of the side.
    #[arg(long)]
    bend: Option<f64>,
    /// How often a film is mirrored, from 0 to 1.
    #[arg(long)]
    flip_probability: Option<f64>,
    /// Largest change of gamma, as a logarithm.
    #[arg(long)]
    gamma: Option<f64>,
    /// Largest change of contrast, as a logarithm.
    #[arg(long)]
    contrast: Option<f64>,
    /// Largest change of brightness, as a share of the range from black to white.
    #[arg(long)]
    brightness: Option<f64>,
    /// Largest standard deviation of the noise, as a share of the range from black to white.
    #[arg(long)]
    noise: Option<f64>,
    /// Largest standard deviation of a blur, as a share of the side.
    #[arg(long)]
    blur: Option<f64>,
    /// How often a film gets soft bright patches, as disease makes them, from 0 to 1.
    #[arg(long)]
    opacity_probability: Option<f64>,
    /// How often a film's greys are inverted, from 0 to 1.
    #[arg(long)]
    invert_probability: Option<f64>,
    /// How often a film gets a black or white edge on one side, from 0 to 1.
    #[arg(long)]
    edge_probability: Option<f64>,
}

impl RecipeFlags {
    /// Replaces the numbers of a recipe for which a flag was given.
    #[must_use]
    pub fn apply_to(&self, base: Recipe) -> Recipe {
        let mut recipe = base;
        set(&mut recipe.width, self.width);
        set(&mut recipe.iterations, self.iterations.map(NonZeroU32::get));
        set(
            &mut recipe.batch_size,
            self.batch_size.map(NonZeroUsize::get),
        );
        set(&mut recipe.optimiser.method, self.optimiser);
        set(&mut recipe.learning_rate, self.learning_rate);
        set(&mut recipe.warmup, self.warmup);
        set(&mut recipe.decay, self.decay);
        set(&mut recipe.optimiser.momentum, self.momentum);
        set(&mut recipe.optimiser.weight_decay, self.weight_decay);
        set(&mut recipe.loss.dice_weight, self.dice_weight);
        set(&mut recipe.loss.lung_weight, self.lung_weight);
        set(&mut recipe.average_decay, self.average_decay);
        set(&mut recipe.flip_averaging, self.flip_averaging);
        set(&mut recipe.source_balance, self.source_balance);
        set(&mut recipe.coarse_share, self.coarse_share);
        set(
            &mut recipe.validate_every,
            self.validate_every.map(NonZeroU32::get),
        );
        set(&mut recipe.seed, self.seed);
        self.augment.apply_to(&mut recipe.augment);
        recipe
    }
}

impl AugmentFlags {
    fn apply_to(&self, augment: &mut AugmentOptions) {
        if self.no_augmentation {
            *augment = AugmentOptions::NONE;
        }
        set(&mut augment.shift, self.shift);
        set(&mut augment.scale, self.scale);
        set(&mut augment.aspect, self.aspect);
        set(&mut augment.rotation_degrees, self.rotation_degrees);
        set(&mut augment.bend, self.bend);
        set(&mut augment.flip_probability, self.flip_probability);
        set(&mut augment.gamma, self.gamma);
        set(&mut augment.contrast, self.contrast);
        set(&mut augment.brightness, self.brightness);
        set(&mut augment.noise, self.noise);
        set(&mut augment.blur, self.blur);
        set(&mut augment.opacity_probability, self.opacity_probability);
        set(&mut augment.invert_probability, self.invert_probability);
        set(&mut augment.edge_probability, self.edge_probability);
    }
}

fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}
