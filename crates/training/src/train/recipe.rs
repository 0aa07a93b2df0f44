//! The numbers of a training run.

use std::collections::HashMap;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor};

use super::augment::AugmentOptions;
use super::loss::LossOptions;
use super::number::{InvalidNumber, at_least_0, below_1, count, positive, require, share};
use super::optimiser::OptimiserOptions;
use super::schedule::{Decay, Schedule};
use lungfield_model::device::Precision;
use lungfield_model::network::{Network, Plan, SIDE_MULTIPLE};

/// Every number of a training run. The manifest of a model keeps the recipe that it was trained with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The channels of the network's first block.
    pub width: NonZeroU16,
    /// The precision of the forward and the backward pass. The weights are kept in 32 bits.
    pub precision: Precision,
    /// The number of optimiser steps.
    pub iterations: u32,
    /// The number of films in a step.
    pub batch_size: usize,
    /// How weights follow their gradients.
    pub optimiser: OptimiserOptions,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// The number of iterations over which the learning rate rises.
    pub warmup: u32,
    /// How the learning rate falls.
    pub decay: Decay,
    /// The weights of the loss terms.
    pub loss: LossOptions,
    /// The decay of the moving average of the weights, from 0 (no average) to below 1.
    pub average_decay: f64,
    /// Whether the model averages the maps of a film and of its mirror image, in validation and when it is served.
    pub flip_averaging: bool,
    /// The balance between sources, from 0 (each film is drawn equally often) to 1 (each source is).
    pub source_balance: f64,
    /// How films are varied.
    pub augment: AugmentOptions,
    /// The share of the iterations, from the first on, that see films on the coarse grid, which costs less. There the
    /// network learns what a lung looks like, and afterwards where exactly it ends.
    pub coarse_share: f64,
    /// The number of iterations between two validations.
    pub validate_every: u32,
    /// The seed of the weights, the order of the films and their variations.
    pub seed: u64,
}

/// Returns the side of the coarse grid for a model grid: two thirds, rounded to a side that the network takes.
///
/// ```
/// use lungfield_training::train::recipe::coarse_side;
///
/// assert_eq!([384, 256, 64].map(coarse_side), [256, 160, 32]);
/// ```
#[must_use]
pub fn coarse_side(fine: u32) -> u32 {
    let step = 3 * SIDE_MULTIPLE / 2;
    ((fine + step / 2) / step).max(1) * SIDE_MULTIPLE
}

impl Recipe {
    /// Returns the network that the recipe trains. No other code of this crate knows architectures.
    #[must_use]
    pub fn network(&self) -> Network {
        Network::SegNet { width: self.width }
    }

    /// Builds the plan that serves trained weights in 32 bits.
    ///
    /// # Errors
    /// Returns an error where the weights are not those of the network, or the device cannot hold them.
    pub fn plan(
        &self,
        weights: &HashMap<String, Tensor>,
        device: Device,
    ) -> Result<Plan, TchError> {
        let plan = self.network().plan(weights, device, Kind::Float)?;
        Ok(plan.flip_averaging(self.flip_averaging))
    }

    /// Returns the schedule of the learning rate.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            warmup: self.warmup,
            iterations: self.iterations,
            decay: self.decay,
        }
    }

    /// Returns the number of iterations on the coarse grid, which come first.
    #[must_use]
    pub fn coarse_iterations(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of the iterations"
        )]
        let iterations = (f64::from(self.iterations) * self.coarse_share).round() as u32;
        iterations
    }

    /// Checks every number, since a bad one could spoil a run hours after it began.
    pub fn check(&self) -> Result<(), InvalidNumber> {
        require(
            self.precision != Precision::F16,
            "precision",
            "f16 loses gradients; train in bf16 or f32",
        )?;
        count("iterations", self.iterations as usize)?;
        count("batch_size", self.batch_size)?;
        count("validate_every", self.validate_every as usize)?;
        below_1("coarse_share", self.coarse_share)?;
        positive("learning_rate", self.learning_rate)?;
        below_1("momentum", self.optimiser.momentum)?;
        below_1("weight_decay", self.optimiser.weight_decay)?;
        below_1("average_decay", self.average_decay)?;
        share("source_balance", self.source_balance)?;
        at_least_0("dice_weight", self.loss.dice_weight)?;
        positive("lung_weight", self.loss.lung_weight)?;
        self.augment.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::preset::Preset;

    fn refused_field(recipe: &Recipe) -> &'static str {
        recipe.check().unwrap_err().field
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        let good = Preset::Lungfield.recipe(Precision::F32);
        let refused = |spoil: fn(&mut Recipe)| {
            let mut recipe = good.clone();
            spoil(&mut recipe);
            refused_field(&recipe)
        };
        assert_eq!(
            refused(|recipe| recipe.learning_rate = f64::NAN),
            "learning_rate"
        );
        assert_eq!(
            refused(|recipe| recipe.average_decay = 1.0),
            "average_decay"
        );
        assert_eq!(
            refused(|recipe| recipe.source_balance = 1.1),
            "source_balance"
        );
        assert_eq!(
            refused(|recipe| recipe.precision = Precision::F16),
            "precision"
        );
        assert_eq!(refused(|recipe| recipe.coarse_share = 1.0), "coarse_share");
        assert_eq!(refused(|recipe| recipe.iterations = 0), "iterations");
    }

    #[test]
    fn variations_out_of_range_are_refused_by_name() {
        let none = AugmentOptions::NONE;
        for (augment, field) in [
            (
                AugmentOptions {
                    flip_probability: 2.0,
                    ..none
                },
                "flip_probability",
            ),
            (AugmentOptions { bend: 0.11, ..none }, "bend"),
            (AugmentOptions { blur: 0.11, ..none }, "blur"),
            (
                AugmentOptions {
                    opacity_probability: -0.1,
                    ..none
                },
                "opacity_probability",
            ),
        ] {
            let recipe = Recipe {
                augment,
                ..Preset::Lungfield.recipe(Precision::F32)
            };
            assert_eq!(refused_field(&recipe), field);
        }
    }

    #[test]
    fn a_coarse_grid_is_one_that_the_network_takes_and_never_finer() {
        assert_eq!(
            [384, 256, 128, 96, 64, 32].map(coarse_side),
            [256, 160, 96, 64, 32, 32]
        );
        assert!(
            (1..=64)
                .map(|i| i * SIDE_MULTIPLE)
                .all(|fine| coarse_side(fine) <= fine)
        );
    }

    #[test]
    fn coarse_iterations_are_a_share_of_the_run() {
        let recipe = Preset::Lungfield.recipe(Precision::F32);
        assert_eq!(
            (recipe.iterations, recipe.coarse_iterations()),
            (3900, 2600)
        );
        let short = Recipe {
            iterations: 30,
            ..recipe
        };
        assert_eq!(short.coarse_iterations(), 20);
    }

    #[test]
    fn a_recipe_is_the_same_after_json() {
        let recipe = Preset::Lungfield.recipe(Precision::Bf16);
        let text = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
    }
}
