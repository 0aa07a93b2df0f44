//! The recipes that have a name.

use std::num::NonZeroU16;

use super::augment::AugmentOptions;
use super::loss::LossOptions;
use super::optimiser::{Method, OptimiserOptions};
use super::recipe::Recipe;
use super::schedule::Decay;
use lungfield_model::device::Precision;

/// A recipe by name.
///
/// ```
/// use lungfield_model::device::Precision;
/// use lungfield_training::train::preset::Preset;
///
/// let recipe = Preset::Article.recipe(Precision::F32);
/// assert_eq!((recipe.width.get(), recipe.iterations, recipe.batch_size), (64, 5000, 6));
/// assert!(recipe.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// The recipe of the shipped model, for two CPU cores and two hours.
    #[default]
    Lungfield,
    /// The recipe of the article: width 64, plain gradient descent, 5,000 iterations of 6 films, no variation of the
    /// films and no averaging of the weights.
    Article,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 2] = [Self::Lungfield, Self::Article];

    /// Returns the name of the preset.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lungfield => "lungfield",
            Self::Article => "article",
        }
    }

    /// Returns the side of the square model grid, in pixels.
    #[must_use]
    pub fn side(self) -> u32 {
        match self {
            Self::Lungfield => 384,
            Self::Article => 256,
        }
    }

    /// Returns the recipe, to be computed in `precision`.
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

/// Returns the recipe that the article describes. Where the article is silent, the numbers are those of SegNet in 2016:
/// the learning rate is constant, and cross-entropy is not weighted, since lung is not a rare class.
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
        assert_eq!(article.coarse_iterations(), 0);
    }

    #[test]
    fn every_preset_can_be_trained_with() {
        for preset in Preset::ALL {
            preset.recipe(Precision::F32).check().unwrap();
        }
    }
}
