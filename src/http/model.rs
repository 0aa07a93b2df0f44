//! Decides what `/v1/model` tells of the model that is served.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::App;
use crate::metrics::ModelLabels;
use lungfield_codec::dicom::Algorithm;
use lungfield_model::device::{Placement, Precision};
use lungfield_model::manifest::{Manifest, Network};

/// What a caller may know of the model, and what it may send.
#[derive(Clone, Debug, Serialize)]
pub struct ModelCard {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The sha256 of the weights, in hexadecimal.
    pub weights_sha256: String,
    /// The network's architecture.
    pub architecture: &'static str,
    /// Channels of the network's first block.
    pub width: u16,
    /// The side of the square model grid, in pixels.
    pub input_side: u32,
    /// The threshold that is used where a caller names none.
    pub threshold: f32,
    /// On what terms all this may be used.
    pub license: License,
    /// The media types of films that are read.
    pub formats: [&'static str; 4],
    /// The device that the model runs on.
    pub device: String,
    /// The numbers in which it computes.
    pub precision: Precision,
    /// The most films in one forward pass.
    pub max_batch_size: usize,
    /// The limits of this server.
    pub limits: UploadLimits,
    /// That this is no medical device.
    pub intended_use: &'static str,
}

/// On what terms a model may be used.
#[derive(Clone, Debug, Serialize)]
pub struct License {
    /// The terms of the weights.
    pub weights: String,
    /// Why they differ from the program's.
    pub note: &'static str,
}

/// What a caller may send at most.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UploadLimits {
    /// The largest body, in bytes.
    pub max_body_bytes: u64,
    /// The most pixels of a film.
    pub max_pixels: u64,
}

impl ModelCard {
    /// What `manifest` says of the model, and how it is served here.
    #[must_use]
    pub fn new(
        manifest: &Manifest,
        placement: Placement,
        max_batch_size: usize,
        limits: UploadLimits,
    ) -> Self {
        let Network::SegNet { width } = manifest.network;
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            weights_sha256: manifest.weights_sha256.clone(),
            architecture: "segnet",
            width: width.get(),
            input_side: manifest.preprocessing.side,
            threshold: manifest.threshold.get(),
            license: License {
                weights: manifest.license.clone(),
                note: "the weights have these terms from the films and masks that they learned from; \
                       the program is MIT OR Apache-2.0",
            },
            formats: ["image/png", "image/jpeg", "image/tiff", "application/dicom"],
            device: placement.device_name(),
            precision: placement.precision(),
            max_batch_size,
            limits,
            intended_use: "research and engineering; not a medical device",
        }
    }
}

impl ModelCard {
    /// What DICOM objects call it.
    pub(super) fn algorithm(&self) -> Algorithm {
        Algorithm {
            name: self.name.clone(),
            version: self.version.clone(),
            weights_sha256: self.weights_sha256.clone(),
        }
    }

    /// What the metrics call it.
    pub(super) fn labels(&self) -> ModelLabels {
        ModelLabels {
            name: self.name.clone(),
            version: self.version.clone(),
            weights_sha256: self.weights_sha256.clone(),
            device: self.device.clone(),
            precision: format!("{:?}", self.precision).to_lowercase(),
        }
    }
}

/// Tells of the model.
pub(super) async fn model(State(app): State<Arc<App>>) -> Json<ModelCard> {
    Json(app.model.clone())
}
