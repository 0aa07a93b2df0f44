//! The description of the API, as it is in the repository.

use axum::http::{HeaderName, header};

const OPENAPI: &str = include_str!("../../../openapi.yaml");

/// Responds with `openapi.yaml`.
pub(crate) async fn openapi() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/yaml")], OPENAPI)
}
