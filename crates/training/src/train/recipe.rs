//! Decides every number of a training run, and which numbers go by a name: our recipe and the article's.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use super::augment::AugmentOptions;
use super::loss::LossOptions;
use super::optimiser::{Method, OptimiserOptions};
use super::schedule::{Decay, Schedule};
use lungfield_model::device::Precision;
use lungfield_model::network::layout::SIDE_MULTIPLE;

/// Every number that decides a training run; the manifest keeps them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Channels of the network's first block.
    pub width: NonZeroU16,
    /// What the forward and the backward pass compute in; weights are kept in 32 bits.
    pub precision: Precision,
    /// Optimiser steps.
    pub iterations: u32,
    /// Films in a step.
    pub batch_size: usize,
    /// How weights follow their gradients.
    pub optimiser: OptimiserOptions,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Iterations over which the learning rate rises.
    pub warmup: u32,
    /// How the learning rate falls.
    pub decay: Decay,
    /// What is minimised.
    pub loss: LossOptions,
    /// The memory of the weights' moving average, from 0 (none) to below 1.
    pub average_decay: f64,
    /// Whether the model, validated and served, sees each film together with its mirror image.
    pub flip_averaging: bool,
    /// From 0, every film is seen equally often, to 1, films of every source are.
    pub source_balance: f64,
    /// How films are varied.
    pub augment: AugmentOptions,
    /// The share of the iterations, from the first on, that sees films on the coarse grid, which is cheaper: what a lung
    /// looks like is learned there, and where exactly it ends afterwards.
    pub coarse_share: f64,
    /// Iterations between two validations.
    pub validate_every: u32,
    /// The seed of the weights, the order of the films and their variations.
    pub seed: u64,
}

/// The side of the coarse grid of a model grid: two thirds, to the nearest side that the network takes.
#[must_use]
pub fn coarse_side(fine: u32) -> u32 {
    let step = 3 * SIDE_MULTIPLE / 2;
    ((fine + step / 2) / step).max(1) * SIDE_MULTIPLE
}

/// Recipes by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// Ours: that of the shipped model, for two CPU cores and two hours.
    #[default]
    Lungfield,
    /// The article's: width 64, plain descent, 5,000 iterations of 6 films, nothing varied and nothing averaged.
    Article,
}

impl Preset {
    /// The side of the square model grid, in pixels.
    #[must_use]
    pub fn side(self) -> u32 {
        match self {
            Self::Lungfield => 384,
            Self::Article => 256,
        }
    }

    /// The numbers of the preset, to be computed in `precision`.
    #[must_use]
    pub fn recipe(self, precision: Precision) -> Recipe {
        match self {
            Self::Lungfield => lungfield(precision),
            Self::Article => article(precision),
        }
    }
}

fn lungfield(precision: Precision) -> Recipe {
    Recipe {
        width: NonZeroU16::new(16).expect("16 is not 0"),
        precision,
        iterations: 3900,
        batch_size: 6,
        optimiser: OptimiserOptions {
            method: Method::Muon,
            momentum: 0.95,
            weight_decay: 0.0,
        },
        learning_rate: 0.02,
        warmup: 100,
        decay: Decay::Polynomial,
        loss: LossOptions {
            dice_weight: 1.0,
            lung_weight: 1.0,
        },
        average_decay: 0.995,
        flip_averaging: true,
        source_balance: 0.7,
        augment: AugmentOptions::default(),
        coarse_share: 2.0 / 3.0,
        validate_every: 650,
        seed: 1,
    }
}

/// What the article says, and where it is silent what was usual in its year: SegNet's learning rate was held constant,
/// and its cross-entropy was weighted by class only where classes are rare, which lung is not.
fn article(precision: Precision) -> Recipe {
    Recipe {
        width: NonZeroU16::new(64).expect("64 is not 0"),
        optimiser: OptimiserOptions {
            method: Method::Sgd,
            momentum: 0.9,
            weight_decay: 5e-4,
        },
        iterations: 5000,
        learning_rate: 0.01,
        warmup: 0,
        decay: Decay::Constant,
        loss: LossOptions {
            dice_weight: 0.0,
            lung_weight: 1.0,
        },
        average_decay: 0.0,
        flip_averaging: false,
        source_balance: 0.0,
        augment: AugmentOptions::NONE,
        coarse_share: 0.0,
        ..lungfield(precision)
    }
}

impl Recipe {
    /// When the learning rate rises and how it falls.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            warmup: self.warmup,
            iterations: self.iterations,
            decay: self.decay,
        }
    }

    /// Iterations on the coarse grid, from the first on.
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

    /// What would spoil a run only once it has cost hours, by the name of the flag.
    pub fn check(&self) -> Result<(), &'static str> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let at_least_0 = |value: f64| value.is_finite() && value >= 0.0;
        let share = |value: f64| (0.0..1.0).contains(&value);
        let rules = [
            (
                self.precision != Precision::F16,
                "--precision f16 loses gradients; train in bf16 or f32",
            ),
            (self.iterations > 0, "--iterations is 0"),
            (self.batch_size > 0, "--batch-size is 0"),
            (self.validate_every > 0, "--validate-every is 0"),
            (
                share(self.coarse_share),
                "--coarse-share is not from 0 to below 1",
            ),
            (
                positive(self.learning_rate),
                "--learning-rate is not a number above 0",
            ),
            (
                share(self.optimiser.momentum),
                "--momentum is not from 0 to below 1",
            ),
            (
                share(self.optimiser.weight_decay),
                "--weight-decay is not from 0 to below 1",
            ),
            (
                share(self.average_decay),
                "--average-decay is not from 0 to below 1",
            ),
            (
                (0.0..=1.0).contains(&self.source_balance),
                "--source-balance is not from 0 to 1",
            ),
            (
                at_least_0(self.loss.dice_weight),
                "--dice-weight is not a number from 0 on",
            ),
            (
                positive(self.loss.lung_weight),
                "--lung-weight is not a number above 0",
            ),
        ];
        rules
            .into_iter()
            .find(|(kept, _)| !kept)
            .map_or(Ok(()), |(_, broken)| Err(broken))?;
        self.augment.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_articles_preset_is_what_the_article_says() {
        let article = Preset::Article.recipe(Precision::F32);
        assert_eq!(
            (article.width.get(), article.batch_size, article.iterations),
            (64, 6, 5000)
        );
        assert_eq!(article.optimiser.method, Method::Sgd);
        assert!(article.optimiser.momentum > 0.0);
        assert_eq!(article.augment, AugmentOptions::NONE);
    }

    #[test]
    fn presets_can_be_run_and_spoilt_ones_can_not() {
        for preset in [Preset::Lungfield, Preset::Article] {
            preset.recipe(Precision::F32).check().unwrap();
        }
        let good = Preset::Lungfield.recipe(Precision::F32);
        let refused = |recipe: Recipe| recipe.check().unwrap_err();
        assert!(
            refused(Recipe {
                learning_rate: f64::NAN,
                ..good.clone()
            })
            .contains("--learning-rate")
        );
        assert!(
            refused(Recipe {
                average_decay: 1.0,
                ..good.clone()
            })
            .contains("--average-decay")
        );
        assert!(
            refused(Recipe {
                source_balance: 1.1,
                ..good.clone()
            })
            .contains("--source-balance")
        );
        assert!(
            refused(Recipe {
                precision: Precision::F16,
                ..good.clone()
            })
            .contains("--precision")
        );
        assert!(
            refused(Recipe {
                coarse_share: 1.0,
                ..good.clone()
            })
            .contains("--coarse-share")
        );
        let none = AugmentOptions::NONE;
        for (augment, flag) in [
            (
                AugmentOptions {
                    flip_probability: 2.0,
                    ..none
                },
                "--flip-probability",
            ),
            (AugmentOptions { bend: 0.11, ..none }, "--bend"),
            (AugmentOptions { blur: 0.11, ..none }, "--blur"),
            (
                AugmentOptions {
                    opacity_probability: -0.1,
                    ..none
                },
                "--opacity-probability",
            ),
        ] {
            assert!(
                refused(Recipe {
                    augment,
                    ..good.clone()
                })
                .contains(flag)
            );
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
        assert_eq!(
            Recipe {
                iterations: 30,
                ..recipe
            }
            .coarse_iterations(),
            20
        );
        assert_eq!(
            Preset::Article.recipe(Precision::F32).coarse_iterations(),
            0
        );
    }

    #[test]
    fn a_recipe_is_the_same_after_json() {
        let recipe = Preset::Lungfield.recipe(Precision::Bf16);
        let text = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
    }
}
