//! Decides what a training run leaves on disk: a model directory, its weights and its manifest in step.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use tch::{Device, Kind, TchError};

use super::learn::Learned;
use super::recipe::Recipe;
use lungfield_engine::segmenter::SegmentError;
use lungfield_model::golden::Golden;
use lungfield_model::manifest::{Description, Manifest, ManifestError, Network, WEIGHTS};
use lungfield_model::network::plan::Plan;
use lungfield_model::torch::TorchSegmenter;
use lungfield_model::weights::{self, WeightsError};
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};

/// What is the same for every model directory that a run writes.
#[derive(Clone, Debug)]
pub struct Export {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The terms on which the weights may be used.
    pub license: String,
    /// What happens to a film before the network sees it.
    pub preprocessing: PreprocessOptions,
    /// Training cases by source, for the manifest.
    pub cases: BTreeMap<String, usize>,
}

/// Why no model directory was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The weights don't make a network.
    #[error(transparent)]
    Place(#[from] TchError),
    /// The network failed on the golden phantom.
    #[error(transparent)]
    Golden(#[from] SegmentError),
    /// The weights could not be written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The manifest is impossible.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest could not be written.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// How weights came about, for the manifest.
#[derive(Serialize)]
struct Training<'a> {
    recipe: &'a Recipe,
    cases: &'a BTreeMap<String, usize>,
    chosen_at_iteration: u32,
    validation_mean_dice: f64,
    validation_mean_dice_by_source: BTreeMap<String, f64>,
}

impl Export {
    /// Writes `learned` into a model directory. The golden phantom is segmented on the CPU in 32 bits, as plainly as
    /// a model can be run.
    ///
    /// Weights and manifest are two files: whoever reads between the two writes finds a hash that does not fit, and
    /// says so, rather than new weights under an old manifest.
    pub fn write(
        &self,
        folder: &Path,
        learned: &Learned,
        recipe: &Recipe,
    ) -> Result<(), ExportError> {
        let golden = self.golden(learned, recipe)?;
        let training = Training {
            recipe,
            cases: &self.cases,
            chosen_at_iteration: learned.iteration,
            validation_mean_dice: learned.validation.mean_dice(),
            validation_mean_dice_by_source: learned.validation.by_source().into_iter().collect(),
        };
        let description = Description {
            name: self.name.clone(),
            version: self.version.clone(),
            license: self.license.clone(),
            network: Network::SegNet {
                width: recipe.width,
            },
            preprocessing: self.preprocessing.clone(),
            flip_averaging: recipe.flip_averaging,
            training: serde_json::to_value(training).expect("numbers and names are JSON"),
        };
        let sha256 = weights::write(&folder.join(WEIGHTS), &learned.weights)?;
        Manifest::new(description, Threshold::HALF, sha256, golden).write(folder)?;
        Ok(())
    }

    fn golden(&self, learned: &Learned, recipe: &Recipe) -> Result<Golden, ExportError> {
        let plan = Plan::fold(&learned.weights, recipe.width, Device::Cpu, Kind::Float)?;
        let plan = plan.flip_averaging(recipe.flip_averaging);
        let preprocessor =
            Preprocessor::new(self.preprocessing.clone()).map_err(ManifestError::from)?;
        Ok(Golden::record(
            &mut TorchSegmenter::new(plan),
            &preprocessor,
            Threshold::HALF,
        )?)
    }
}
