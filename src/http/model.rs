//! Decides what `/v1/model` tells of the model that is served.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::App;
use crate::model::device::{Placement, Precision};
use crate::model::manifest::{Manifest, Network};

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
    /// The terms on which the weights may be used.
    pub license: String,
    /// The device that the model runs on.
    pub device: String,
    /// The numbers in which it computes.
    pub precision: Precision,
    /// The limits of this server.
    #[serde(flatten)]
    pub serving: Serving,
    /// That this is no medical device.
    pub intended_use: &'static str,
}

/// The limits of a server, as far as callers should know them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Serving {
    /// The most films in one forward pass.
    pub max_batch_size: usize,
    /// The largest body, in bytes.
    pub max_body_bytes: u64,
    /// The most pixels of a film.
    pub max_pixels: u64,
}

impl ModelCard {
    /// What `manifest` says of the model, and how it is served here.
    #[must_use]
    pub fn new(manifest: &Manifest, placement: Placement, serving: Serving) -> Self {
        let Network::SegNet { width } = manifest.network;
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            weights_sha256: manifest.weights_sha256.clone(),
            architecture: "segnet",
            width: width.get(),
            input_side: manifest.preprocessing.side,
            threshold: manifest.threshold.get(),
            license: manifest.license.clone(),
            device: placement.device_name(),
            precision: placement.precision(),
            serving,
            intended_use: "research and engineering; not a medical device",
        }
    }
}

/// Tells of the model.
pub(super) async fn model(State(app): State<Arc<App>>) -> Json<ModelCard> {
    Json(app.model.clone())
}
