//! Describes server and model, and their health, in the words of the protocol.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::served_model::ServedModel;
use crate::http::App;
use crate::http::health::check_ready;
use crate::http::problem::ApiError;

/// The server.
#[derive(Serialize)]
pub(crate) struct Server {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 1],
}

/// The model, and the tensors that it takes and gives.
#[derive(Serialize)]
pub(crate) struct Model {
    name: String,
    versions: [String; 1],
    platform: &'static str,
    inputs: [Tensor; 2],
    outputs: [Tensor; 2],
}

#[derive(Serialize)]
struct Tensor {
    name: &'static str,
    datatype: &'static str,
    shape: &'static [i32],
}

#[derive(Serialize)]
pub(crate) struct Live {
    live: bool,
}

#[derive(Serialize)]
pub(crate) struct Ready {
    ready: bool,
}

#[derive(Serialize)]
pub(crate) struct ModelReady {
    name: String,
    ready: bool,
}

/// The shape of an image: height and width, which differ from film to film.
const ANY: &[i32] = &[-1, -1];

/// Responds with the description of the server.
pub(crate) async fn server() -> Json<Server> {
    Json(Server {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        extensions: ["binary_tensor_data"],
    })
}

/// Responds that the server is alive.
pub(crate) async fn live() -> Json<Live> {
    Json(Live { live: true })
}

/// Responds whether the server is ready for films.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Ready>, ApiError> {
    check_ready(&app).map(|()| Json(Ready { ready: true }))
}

/// Responds with the description of the model.
pub(crate) async fn model(
    State(app): State<Arc<App>>,
    _: ServedModel,
) -> Result<Json<Model>, ApiError> {
    Ok(Json(Model {
        name: app.model.identity.name.clone(),
        versions: [app.model.identity.version.clone()],
        platform: "lungfield",
        inputs: [
            Tensor {
                name: "image",
                datatype: "UINT8",
                shape: ANY,
            },
            Tensor {
                name: "ground_truth",
                datatype: "UINT8",
                shape: ANY,
            },
        ],
        outputs: [
            Tensor {
                name: "mask",
                datatype: "UINT8",
                shape: ANY,
            },
            Tensor {
                name: "dice",
                datatype: "FP32",
                shape: &[1],
            },
        ],
    }))
}

/// Responds whether the model is ready.
pub(crate) async fn model_ready(
    State(app): State<Arc<App>>,
    _: ServedModel,
) -> Result<Json<ModelReady>, ApiError> {
    check_ready(&app)?;
    Ok(Json(ModelReady {
        name: app.model.identity.name.clone(),
        ready: true,
    }))
}
