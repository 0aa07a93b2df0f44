//! Decides which documents the server hands out as they are.

use axum::http::{HeaderName, header};

/// The description of this API, as it lies in the repository.
const OPENAPI: &str = include_str!("../../openapi.yaml");

/// The description of this API.
pub(super) async fn openapi() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/yaml")], OPENAPI)
}
