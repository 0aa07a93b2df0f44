//! The facts about the model and the data of a report.

use serde::Serialize;

use lungfield_model::device::Placement;
use lungfield_model::manifest::Manifest;
use lungfield_radiograph::mask::Threshold;

/// The model that was evaluated, and how it was run.
#[derive(Clone, Debug, Serialize)]
pub struct ModelFacts {
    /// The name of the model.
    pub name: String,
    /// The version of the model.
    pub version: String,
    /// The SHA-256 of the weights, in hexadecimal.
    pub weights_sha256: String,
    /// The license of the weights.
    pub license: String,
    /// The channels of the network's first block.
    pub network_width: u16,
    /// The network in words.
    #[serde(skip)]
    pub network: String,
    /// The side of the square model grid, in pixels.
    pub side: u32,
    /// Whether the maps of each film and of its mirror image were averaged.
    pub flip_averaging: bool,
    /// The lowest probability of lung.
    pub threshold: Threshold,
    /// The precision in which the network computed, such as `bf16`.
    pub precision: String,
    /// The device on which the network ran, such as `cpu`.
    pub device: String,
}

impl ModelFacts {
    /// Returns the facts about a model that ran with the given placement and threshold.
    #[must_use]
    pub fn new(manifest: &Manifest, placement: Placement, threshold: Threshold) -> Self {
        Self {
            name: manifest.model.name.clone(),
            version: manifest.model.version.clone(),
            weights_sha256: manifest.model.weights_sha256.clone(),
            license: manifest.license.clone(),
            network_width: manifest.network.width().get(),
            network: manifest.network.to_string(),
            side: manifest.preprocessing.side,
            flip_averaging: manifest.flip_averaging,
            threshold,
            precision: placement.precision().to_string(),
            device: placement.device_name(),
        }
    }
}

/// The data on which the model was evaluated.
#[derive(Clone, Debug, Serialize)]
pub struct DataFacts {
    /// The names of the folders of the data sets.
    pub folders: Vec<String>,
    /// The split of the cases, such as `test`.
    pub split: String,
    /// The date of the evaluation, such as `2026-05-17`.
    pub date: String,
    /// The number of films that were left out because they have no reference mask.
    pub without_reference: usize,
    /// Whether the model was trained on some of these films. The page then begins with a warning.
    pub training_included: bool,
}
