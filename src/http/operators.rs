//! Metrics and health for operators, on a listener of their own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::routing::get;

use super::App;
use super::health::{self, check_ready};
use super::middleware::observe::write_problems;
use super::problem::ApiError;
use crate::metrics::{MEDIA_TYPE, Standing};

/// Returns the router of the listener for operators. It needs no key: whoever reaches its address may use it.
pub fn operator_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(axum::middleware::from_fn(write_problems))
        .with_state(app)
}

/// Responds with all metrics.
async fn metrics(State(app): State<Arc<App>>) -> ([(HeaderName, &'static str); 1], String) {
    (
        [(header::CONTENT_TYPE, MEDIA_TYPE)],
        app.metrics.write(&standing(&app)),
    )
}

/// Reads the current state of the server.
fn standing(app: &App) -> Standing {
    let engine = app.pipeline.engine();
    Standing {
        ready: check_ready(app).is_ok(),
        queue_depth: engine.queue_depth(),
        queue_capacity: engine.queue_capacity(),
        counts: engine.counts(),
        batches: engine.batches(),
        byte_budget: app.budget.bytes(),
        byte_budget_used: app.budget.used(),
        answer_budget: app.answers.bytes(),
        answer_budget_used: app.answers.used(),
        resident_bytes: resident_bytes(),
    }
}

/// Reads the resident memory of this process, where the system is Linux.
fn resident_bytes() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))?;
    kib.parse::<u64>().ok().map(|kib| kib << 10)
}
