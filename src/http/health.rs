//! Liveness and readiness.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lungfield_engine::{EngineError, Health};
use serde::Serialize;

use super::App;
use super::problem::ApiError;
use super::request::admission::Phase;

/// A healthy state.
#[derive(Serialize)]
pub(crate) struct Status {
    status: &'static str,
}

/// Responds that the process lives, also while it drains.
pub(crate) async fn live() -> Json<Status> {
    Json(Status { status: "live" })
}

/// Responds whether films should be sent here.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Status>, ApiError> {
    check_ready(&app).map(|()| Json(Status { status: "ready" }))
}

/// Checks that the model runs and the server does not stop.
pub(crate) fn check_ready(app: &App) -> Result<(), ApiError> {
    let health = *app.pipeline.engine().health().borrow();
    match (health, app.phase()) {
        (Health::Failed, _) => Err(EngineError::Stopped.into()),
        (Health::Draining, _) | (_, Phase::Leaving | Phase::Draining) => Err(ApiError::Draining),
        (Health::Running, Phase::Serving) => Ok(()),
    }
}
