//! Decides which pages of other origins may use the API from a browser: those of the origins that the server was told of, and no other.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use super::headers::{DICE, JACCARD, MODEL, REQUEST_ID, SERVER_TIMING, TIMEOUT_MS, WARNINGS};

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_hours(1);

/// What a page may send.
const SENT: [HeaderName; 5] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    TIMEOUT_MS,
    REQUEST_ID,
];

/// What a page may read of an answer.
const READ: [HeaderName; 7] = [
    DICE,
    JACCARD,
    MODEL,
    WARNINGS,
    SERVER_TIMING,
    REQUEST_ID,
    header::RETRY_AFTER,
];

/// Lets the pages of these origins in. Without any, browsers are told nothing, and so allow nothing.
pub(super) fn layer(
    origins: &[HeaderValue],
) -> tower::util::Either<CorsLayer, tower::layer::util::Identity> {
    if origins.is_empty() {
        return tower::util::Either::Right(tower::layer::util::Identity::new());
    }
    let layer = CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(SENT)
        .expose_headers(READ)
        .max_age(REMEMBERED);
    tower::util::Either::Left(layer)
}
