//! The names of the header fields that this service reads and writes beside those of HTTP itself.

use axum::http::HeaderName;

/// The id of a request: the caller's own, or the one that the server gave it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many milliseconds after the arrival of a request's head its caller stops waiting.
pub(crate) const TIMEOUT_MS: HeaderName = HeaderName::from_static("lungfield-timeout-ms");

/// The name and version of the model that answered.
pub(crate) const MODEL: HeaderName = HeaderName::from_static("lungfield-model");

/// The codes of an answer's warnings, separated by commas.
pub(crate) const WARNINGS: HeaderName = HeaderName::from_static("lungfield-warnings");

/// The Dice coefficient of the mask and the reference mask.
pub(crate) const DICE: HeaderName = HeaderName::from_static("lungfield-dice");

/// The Jaccard index of the mask and the reference mask.
pub(crate) const JACCARD: HeaderName = HeaderName::from_static("lungfield-jaccard");

/// How long the steps of a request took (W3C Server Timing).
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How many bytes of a body of the Open Inference Protocol are JSON, where binary tensors follow.
pub(crate) const JSON_BYTES: HeaderName =
    HeaderName::from_static("inference-header-content-length");
