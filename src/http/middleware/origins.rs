//! Cross-origin requests: browsers let pages of the configured origins use the API, and no others.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use crate::http::headers::{DICE, JACCARD, MODEL, REQUEST_ID, SERVER_TIMING, TIMEOUT_MS, WARNINGS};

/// How long a browser may cache what is allowed.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The header fields that a page may send.
const REQUEST_HEADERS: [HeaderName; 5] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    TIMEOUT_MS,
    REQUEST_ID,
];

/// The header fields of a response that a page may read.
const RESPONSE_HEADERS: [HeaderName; 7] = [
    DICE,
    JACCARD,
    MODEL,
    WARNINGS,
    SERVER_TIMING,
    REQUEST_ID,
    header::RETRY_AFTER,
];

/// Allows pages of these origins to use the API. Without any, responses have no CORS headers, so browsers allow nothing.
pub(crate) fn layer(
    origins: &[HeaderValue],
) -> tower::util::Either<CorsLayer, tower::layer::util::Identity> {
    if origins.is_empty() {
        return tower::util::Either::Right(tower::layer::util::Identity::new());
    }
    let layer = CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(REQUEST_HEADERS)
        .expose_headers(RESPONSE_HEADERS)
        .max_age(MAX_AGE);
    tower::util::Either::Left(layer)
}
