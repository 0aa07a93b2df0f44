//! The flags of `lungfield-train`. Every number of a training run is a flag.

mod recipe;

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Parser};

pub use self::recipe::RecipeFlags;
use super::DataSettings;
use crate::train::number::InvalidNumber;
use crate::train::preset::Preset;
use crate::train::recipe::Recipe;
use lungfield_model::device::{DeviceChoice, Precision, PrecisionChoice};
use lungfield_model::manifest::{NAME_RULE, is_name};
use lungfield_model::network::SIDE_MULTIPLE;
use lungfield_radiograph::preprocess::PreprocessOptions;

/// Trains a model on one or several data sets and writes a model directory that lungfield-serve can serve.
///
/// Weights are chosen by mean Dice on the cases of the split "validation"; those of "test" are not used. The checkpoint,
/// the metrics and the curves of the run are in the folder "run" of the model directory.
#[derive(Clone, Debug, Parser)]
#[command(name = "lungfield-train", version)]
pub struct TrainSettings {
    /// The data sets.
    #[command(flatten)]
    pub data: DataSettings,
    /// The splits of cases that have none.
    #[command(flatten)]
    pub split: SplitSettings,
    /// The model directory to write; it is created if it does not exist.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Continue the run whose checkpoint is in --out, with its numbers.
    #[arg(long)]
    pub resume: bool,
    /// Iterations between two checkpoints.
    #[arg(long, default_value = "100")]
    pub checkpoint_every: NonZeroU32,
    /// Print the numbers of the run, check the data, and stop.
    #[arg(long)]
    pub dry_run: bool,
    /// The model's name.
    #[arg(long, default_value = "lungfield-segnet", value_parser = model_name)]
    pub name: String,
    /// The model's version.
    #[arg(long, default_value = "0.0.0", value_parser = model_name)]
    pub model_version: String,
    /// The terms on which the weights may be used; those of the films and masks bind the weights too.
    #[arg(long, default_value = "unstated; the terms of the training data apply")]
    pub license: String,
    /// Where training runs: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// The precision of training: auto, f32 or bf16; weights are kept in f32. Auto is bf16 on CUDA,
    /// and on a CPU that is timed faster in it; otherwise f32.
    #[arg(long, default_value = "auto")]
    pub precision: PrecisionChoice,
    /// Threads of the network on the CPU; all cores unless given.
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// The recipe to begin with.
    #[arg(long, value_enum, default_value_t)]
    pub preset: Preset,
    /// The side of the square model grid, a multiple of 32; the preset's unless given.
    #[arg(long)]
    pub side: Option<u32>,
    /// The numbers of the run.
    #[command(flatten)]
    pub recipe: RecipeFlags,
}

/// The splits of cases whose data set does not state one. All films of a patient get the same split.
#[derive(Clone, Copy, Debug, Args)]
pub struct SplitSettings {
    /// The seed of the random assignment of splits.
    #[arg(long, default_value_t = 1)]
    pub split_seed: u64,
    /// The share of the films of each source to validate on.
    #[arg(long, default_value_t = 0.1)]
    pub validation_share: f64,
    /// The share of the films of each source to keep for testing.
    #[arg(long, default_value_t = 0.1)]
    pub test_share: f64,
}

/// A flag whose value can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--{} {}", .0.field.replace('_', "-"), .0.reason)]
pub struct InvalidFlag(InvalidNumber);

impl TrainSettings {
    /// Returns the recipe of a new run: the preset, changed by the flags that were given.
    ///
    /// ```
    /// use clap::Parser;
    /// use lungfield_model::device::Precision;
    /// use lungfield_training::settings::TrainSettings;
    ///
    /// let flags = ["lungfield-train", "--data=films", "--out=model", "--iterations=500"];
    /// let recipe = TrainSettings::parse_from(flags).new_recipe(Precision::F32)?;
    /// assert_eq!((recipe.iterations, recipe.batch_size), (500, 6));
    ///
    /// let flags = ["lungfield-train", "--data=films", "--out=model", "--momentum=1"];
    /// let error = TrainSettings::parse_from(flags).new_recipe(Precision::F32).unwrap_err();
    /// assert_eq!(error.to_string(), "--momentum is not from 0 to below 1");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn new_recipe(&self, precision: Precision) -> Result<Recipe, InvalidFlag> {
        let recipe = self.recipe.apply_to(self.preset.recipe(precision));
        recipe.check().map_err(InvalidFlag)?;
        Ok(recipe)
    }

    /// Returns the preprocessing of the films.
    pub fn preprocess_options(&self) -> Result<PreprocessOptions, InvalidFlag> {
        let side = self.side.unwrap_or_else(|| self.preset.side());
        if side == 0 || !side.is_multiple_of(SIDE_MULTIPLE) {
            return Err(InvalidFlag(InvalidNumber {
                field: "side",
                reason: "is not a multiple of 32",
            }));
        }
        Ok(PreprocessOptions {
            side,
            ..PreprocessOptions::default()
        })
    }
}

/// Parses a name or a version that a server accepts.
fn model_name(text: &str) -> Result<String, &'static str> {
    is_name(text).then(|| text.to_owned()).ok_or(NAME_RULE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::augment::AugmentOptions;
    use crate::train::optimiser::Method;

    fn settings(arguments: &[&str]) -> TrainSettings {
        let given = ["lungfield-train", "--data", "d", "--out", "o"]
            .iter()
            .chain(arguments);
        TrainSettings::try_parse_from(given).unwrap()
    }

    fn recipe(arguments: &[&str]) -> Recipe {
        settings(arguments).new_recipe(Precision::F32).unwrap()
    }

    #[test]
    fn a_side_that_could_not_be_served_is_refused() {
        for bad in ["--side=100", "--side=0"] {
            let refused = settings(&[bad]).preprocess_options().unwrap_err();
            assert_eq!(refused.to_string(), "--side is not a multiple of 32");
        }
        assert_eq!(
            settings(&["--side=64"]).preprocess_options().unwrap().side,
            64
        );
    }

    #[test]
    fn a_name_that_could_not_be_served_is_refused() {
        for bad in ["--name=Lunge\\2", "--name=", "--model-version=1.0\n"] {
            let given = ["lungfield-train", "--data", "d", "--out", "o", bad];
            assert!(TrainSettings::try_parse_from(given).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_not_given_is_the_presets() {
        assert_eq!(recipe(&[]), Preset::Lungfield.recipe(Precision::F32));
        assert_eq!(
            recipe(&["--preset=article"]),
            Preset::Article.recipe(Precision::F32)
        );
        assert_eq!(
            settings(&["--preset=article"])
                .preprocess_options()
                .unwrap()
                .side,
            256
        );
    }

    #[test]
    fn every_number_can_be_set() {
        let article = recipe(&[
            "--preset=article",
            "--width=8",
            "--optimiser=adamw",
            "--shift=0.1",
            "--seed=9",
        ]);
        assert_eq!(
            (article.width.get(), article.optimiser.method, article.seed),
            (8, Method::Adamw, 9)
        );
        assert_eq!(
            article.augment,
            AugmentOptions {
                shift: 0.1,
                ..AugmentOptions::NONE
            }
        );
        let newer = recipe(&[
            "--preset=article",
            "--coarse-share=0.5",
            "--bend=0.01",
            "--blur=0.02",
            "--opacity-probability=0.03",
        ]);
        assert!((newer.coarse_share - 0.5).abs() < 1e-12);
        let varied = AugmentOptions {
            bend: 0.01,
            blur: 0.02,
            opacity_probability: 0.03,
            ..AugmentOptions::NONE
        };
        assert_eq!(newer.augment, varied);
        let plain = recipe(&["--no-augmentation", "--gamma=0.3"]);
        assert_eq!(
            plain.augment,
            AugmentOptions {
                gamma: 0.3,
                ..AugmentOptions::NONE
            }
        );
    }
}
