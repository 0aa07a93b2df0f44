//! A problem, and the documents that it is written as.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::ApiError;

/// An error on its way to the caller, as an extension of its response.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// The stable code.
    pub(crate) code: &'static str,
    /// The text for the caller.
    detail: String,
    /// The text for the log.
    pub(crate) cause: String,
}

/// The document that a problem is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// That of RFC 9457.
    Problem,
    /// That of the Open Inference Protocol.
    Inference,
}

/// The error document of the Open Inference Protocol.
#[derive(Serialize)]
struct InferenceError<'a> {
    error: &'a str,
    code: &'static str,
}

/// The problem document of RFC 9457.
#[derive(Serialize)]
struct ProblemDocument<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    request_id: &'a str,
}

impl Problem {
    /// Creates the problem of an error.
    pub(crate) fn of(error: &ApiError) -> Self {
        let (status, code) = error.kind();
        Self {
            code,
            detail: error.detail(status),
            cause: error.to_string(),
        }
    }

    /// Writes a problem as a response that keeps the status and the headers of `response`.
    pub(crate) fn write(&self, response: &Response, request_id: &str, style: Style) -> Response {
        let status = response.status();
        let (body, media) = match style {
            Style::Inference => (
                Json(InferenceError {
                    error: &self.detail,
                    code: self.code,
                })
                .into_response(),
                "application/json",
            ),
            Style::Problem => (self.body(status, request_id), "application/problem+json"),
        };
        let mut written = (status, body).into_response();
        for (name, value) in response.headers() {
            if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
                written.headers_mut().append(name, value.clone());
            }
        }
        written
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        written
    }

    /// Returns the problem document as the body of a response.
    fn body(&self, status: StatusCode, request_id: &str) -> Response {
        let body = Json(ProblemDocument {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: self.code,
            detail: &self.detail,
            request_id,
        });
        body.into_response()
    }
}
