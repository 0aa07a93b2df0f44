//! What is known of a request before its handler runs.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;

use crate::http::middleware::audit::Record;
use crate::http::problem::ApiError;
use crate::http::request_id::RequestId;

/// The id of a request, the moment of its arrival, and its record for the audit log.
///
/// The outermost middleware makes it; everything inside extracts it.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// The id.
    pub(crate) id: RequestId,
    /// When the head of the request had arrived.
    pub(crate) arrived: Instant,
    /// What the audit log will say of the request.
    pub(crate) record: Arc<Record>,
}

impl RequestContext {
    /// Returns the context that the outermost middleware has left among the extensions of a request.
    pub(crate) fn of(extensions: &Extensions) -> Result<&Self, ApiError> {
        extensions.get().ok_or(ApiError::NoContext)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::of(&parts.extensions).cloned()
    }
}
