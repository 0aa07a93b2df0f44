//! Writes the model directory of a training run: the weights and their manifest.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use tch::{Device, TchError};

use super::learn::ValidatedWeights;
use super::recipe::Recipe;
use lungfield_engine::segmenter::SegmentError;
use lungfield_model::golden::Golden;
use lungfield_model::manifest::{Description, Manifest, ManifestError, WEIGHTS};
use lungfield_model::torch::TorchSegmenter;
use lungfield_model::weights::{self, WeightsError};
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};

/// The facts about a model that are the same whenever a run writes it.
#[derive(Clone, Debug)]
pub struct Export {
    /// The name of the model.
    pub name: String,
    /// The version of the model.
    pub version: String,
    /// The license of the weights.
    pub license: String,
    /// The preprocessing of the films.
    pub preprocessing: PreprocessOptions,
    /// The number of training cases, by source.
    pub cases: BTreeMap<String, usize>,
}

/// The reason why no model directory was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The weights do not make a network.
    #[error(transparent)]
    Network(#[from] TchError),
    /// The network failed on the golden phantom.
    #[error(transparent)]
    Golden(#[from] SegmentError),
    /// The weights could not be written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The manifest is invalid.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest could not be written.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// The entry `training` of the manifest.
#[derive(Serialize)]
struct Training<'a> {
    recipe: &'a Recipe,
    cases: &'a BTreeMap<String, usize>,
    chosen_at_iteration: u32,
    validation_mean_dice: f64,
    validation_mean_dice_by_source: BTreeMap<String, f64>,
}

impl Export {
    /// Writes `validated` into a model directory. The golden phantom is segmented on the CPU in 32 bits.
    ///
    /// Weights and manifest are two files. A program that reads between the two writes finds weights whose hash is not
    /// that of the manifest, and refuses the model.
    pub fn write(
        &self,
        folder: &Path,
        validated: &ValidatedWeights,
        recipe: &Recipe,
    ) -> Result<(), ExportError> {
        let golden = self.golden(validated, recipe)?;
        let training = Training {
            recipe,
            cases: &self.cases,
            chosen_at_iteration: validated.iteration,
            validation_mean_dice: validated.validation.mean_dice(),
            validation_mean_dice_by_source: validated.validation.by_source().into_iter().collect(),
        };
        let description = Description {
            name: self.name.clone(),
            version: self.version.clone(),
            license: self.license.clone(),
            network: recipe.network(),
            preprocessing: self.preprocessing.clone(),
            flip_averaging: recipe.flip_averaging,
            training: serde_json::to_value(training).expect("numbers and names are JSON"),
        };
        let sha256 = weights::write(&folder.join(WEIGHTS), &validated.weights)?;
        Manifest::new(description, Threshold::HALF, sha256, golden).write(folder)?;
        Ok(())
    }

    fn golden(&self, validated: &ValidatedWeights, recipe: &Recipe) -> Result<Golden, ExportError> {
        let plan = recipe.plan(&validated.weights, Device::Cpu)?;
        let preprocessor =
            Preprocessor::new(self.preprocessing.clone()).map_err(ManifestError::from)?;
        Ok(Golden::record(
            &mut TorchSegmenter::new(plan),
            &preprocessor,
            Threshold::HALF,
        )?)
    }
}
