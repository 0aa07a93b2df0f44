//! Decides whether the process lives, and whether it should be sent films.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::App;
use super::admission::Phase;
use super::problem::ApiError;
use lungfield_engine::{EngineError, Health};

/// A state of good health.
#[derive(Serialize)]
pub(super) struct Status {
    status: &'static str,
}

/// Whoever answers lives, also while it drains.
pub(super) async fn live() -> Json<Status> {
    Json(Status { status: "live" })
}

/// Ready to be sent films.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Status>, ApiError> {
    is_ready(&app).map(|()| Json(Status { status: "ready" }))
}

/// Whether the model answers and the server is not about to end, or why not.
pub(super) fn is_ready(app: &App) -> Result<(), ApiError> {
    match (
        *app.pipeline.engine().health().borrow(),
        *app.phase.borrow(),
    ) {
        (Health::Failed, _) => Err(EngineError::Stopped.into()),
        (Health::Draining, _) | (_, Phase::Leaving | Phase::Draining) => Err(ApiError::Draining),
        (Health::Running, Phase::Serving) => Ok(()),
    }
}
