//! Traces of requests.
//!
//! The spans of a request are recorded by `tracing`. With the feature `otlp`, which is on by default, they can be sent to a
//! collector; without it, none of this is compiled.

#[cfg(feature = "otlp")]
mod otlp;

use axum::http::HeaderMap;

#[cfg(feature = "otlp")]
pub use self::otlp::Traces;

/// Makes a span part of the trace that the headers of its request name (W3C Trace Context).
#[cfg(feature = "otlp")]
pub(crate) fn continue_trace(span: &tracing::Span, headers: &HeaderMap) {
    otlp::continue_trace(span, headers);
}

/// Does nothing, since no traces are sent without the feature `otlp`.
#[cfg(not(feature = "otlp"))]
pub(crate) fn continue_trace(_span: &tracing::Span, _headers: &HeaderMap) {}
