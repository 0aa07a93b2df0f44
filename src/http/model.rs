//! Describes the served model to callers: `/v1/model`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::App;
use crate::metrics::ModelLabels;
use lungfield_codec::{ModelIdentity, formats};
use lungfield_model::device::{Placement, Precision};
use lungfield_model::manifest::Manifest;

/// What callers are told of the model, and what they may send.
#[derive(Clone, Debug, Serialize)]
pub struct ModelCard {
    /// The model's name and version, and the hash of its weights.
    #[serde(flatten)]
    pub identity: ModelIdentity,
    /// The network's architecture.
    pub architecture: &'static str,
    /// Channels of the network's first block.
    pub width: u16,
    /// The side of the square model grid, in pixels.
    pub input_side: u32,
    /// The threshold that is used where a request states none.
    pub threshold: f32,
    /// The terms of use.
    pub license: License,
    /// The media types of films that can be read.
    pub formats: Vec<&'static str>,
    /// The device that the model runs on.
    pub device: String,
    /// The numbers in which it computes.
    pub precision: Precision,
    /// The most films in one forward pass.
    pub max_batch_size: usize,
    /// The limits of this server.
    pub limits: UploadLimits,
    /// The intended use: this is not a medical device.
    pub intended_use: &'static str,
}

/// The terms on which a model may be used.
#[derive(Clone, Debug, Serialize)]
pub struct License {
    /// The terms of the weights.
    pub weights: String,
    /// Why they differ from the terms of the program.
    pub note: &'static str,
}

/// The limits of what a caller may send.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UploadLimits {
    /// The largest body, in bytes.
    pub max_body_bytes: u64,
    /// The most pixels of a film.
    pub max_pixels: u64,
}

impl ModelCard {
    /// Describes the model of a manifest as it is served.
    #[must_use]
    pub fn new(
        manifest: &Manifest,
        placement: Placement,
        max_batch_size: usize,
        limits: UploadLimits,
    ) -> Self {
        Self {
            identity: manifest.model.clone(),
            architecture: manifest.network.architecture(),
            width: manifest.network.width().get(),
            input_side: manifest.preprocessing.side,
            threshold: manifest.threshold.get(),
            license: License {
                weights: manifest.license.clone(),
                note: "the weights have these terms from the films and masks that they learned from; \
                       the program is MIT OR Apache-2.0",
            },
            formats: formats::media_types().collect(),
            device: placement.device_name(),
            precision: placement.precision(),
            max_batch_size,
            limits,
            intended_use: "research and engineering; not a medical device",
        }
    }
}

impl ModelCard {
    /// Returns the labels by which metrics name the model.
    pub(crate) fn labels(&self) -> ModelLabels {
        ModelLabels {
            identity: self.identity.clone(),
            device: self.device.clone(),
            precision: self.precision.name(),
        }
    }
}

/// Responds with the description of the model.
pub(crate) async fn model(State(app): State<Arc<App>>) -> Json<ModelCard> {
    Json(app.model.clone())
}
