//! Decides what a caller hears of an error: one status and one stable code for each, in one table.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::negotiate;
use super::related::MAX_INSTANCES;
use lungfield_codec::{DecodeError, formats};
use lungfield_engine::EngineError;
use lungfield_engine::pipeline::PipelineError;

/// Every code that a problem can have.
pub const CODES: [&str; 37] = [
    "empty_body",
    "malformed_multipart",
    "incomplete_body",
    "missing_image",
    "duplicate_part",
    "unknown_part",
    "invalid_query",
    "invalid_timeout",
    "invalid_inference",
    "unknown_model",
    "unauthorized",
    "not_found",
    "method_not_allowed",
    "not_acceptable",
    "body_timeout",
    "body_too_large",
    "too_many_pixels",
    "too_many_instances",
    "unsupported_media_type",
    "unrecognised_image",
    "undecodable_image",
    "several_frames",
    "image_too_small",
    "undecodable_reference",
    "reference_true_colour",
    "reference_size_mismatch",
    "reference_too_fine",
    "invalid_rle",
    "source_not_dicom",
    "nothing_to_segment",
    "internal",
    "overloaded",
    "byte_budget_spent",
    "draining",
    "engine_stopped",
    "out_of_memory",
    "deadline_exceeded",
];

/// After how many seconds a caller that was turned away may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How a body may be coded (RFC 9110, 15.5.16).
const UNCOMPRESSED: HeaderValue = HeaderValue::from_static("identity");

/// What a caller without a key is asked for (RFC 6750, 3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"lungfield\"");

/// Everything that can keep a request from its answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// 400: nothing was sent.
    #[error("the body is empty; send a film")]
    EmptyBody,
    /// 400: the parts can't be told apart.
    #[error("the multipart body can't be read: {0}")]
    MalformedMultipart(String),
    /// 400: the body broke off; its sender has most likely left.
    #[error("the body broke off")]
    IncompleteBody,
    /// 400: there is no film among the parts.
    #[error("there is no part named `image`")]
    MissingImage,
    /// 400: a part came twice.
    #[error("there is more than one part named `{0}`")]
    DuplicatePart(&'static str),
    /// 400: a part that means nothing here.
    #[error("there is a part that is named neither `image` nor `ground_truth`")]
    UnknownPart,
    /// 400: a query parameter is unknown, repeated or out of range.
    #[error("the query can't be used: {0}")]
    InvalidQuery(String),
    /// 400: the caller's patience can't be read.
    #[error("`Lungfield-Timeout-Ms` is not a whole number of milliseconds, at least 1")]
    InvalidTimeout,
    /// 400: an inference request that can't be understood, or does not fit together.
    #[error("{0}")]
    InvalidInference(String),
    /// 404: the path names another model or version than is served.
    #[error("there is no such model or version here; `/v1/model` names what is served")]
    UnknownModel,
    /// 401: no key that is known here was shown.
    #[error("this server asks for a key: `Authorization: Bearer KEY`")]
    Unauthorized,
    /// 404.
    #[error("there is nothing at this path")]
    NotFound,
    /// 405: `Allow` says what is possible.
    #[error("this path does not take this method")]
    MethodNotAllowed,
    /// 406: the caller takes nothing that can be given.
    #[error(
        "an answer can be {}, and `Accept` allows none of them",
        negotiate::media_types()
    )]
    NotAcceptable,
    /// 408: the body took too long.
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// 413: the body is too long.
    #[error("the body is larger than {max_body_bytes} bytes")]
    BodyTooLarge {
        /// The limit that was passed.
        max_body_bytes: u64,
    },
    /// 413: a related body holds more instances than are answered together.
    #[error("the body has more than {MAX_INSTANCES} instances; send them in several")]
    TooManyInstances,
    /// 415: the body is said to be of a type that no film is of.
    #[error(
        "a film comes as {}, application/octet-stream, multipart/form-data, or multipart/related of application/dicom",
        formats::media_types().collect::<Vec<_>>().join(", ")
    )]
    UnsupportedMediaType,
    /// 415: the body of an inference is compressed.
    #[error("compressed bodies are not read; send it without `Content-Encoding`")]
    Compressed,
    /// 503: the bodies that are held leave no room for another.
    #[error("too many films are being sent at a time; try again later")]
    ByteBudgetSpent,
    /// 503: the answers that nobody has read yet leave no room for another.
    #[error("too many answers wait to be read; try again later")]
    AnswerBudgetSpent,
    /// 413: the answers to one body's instances are more than may be held.
    #[error(
        "the answers to these instances are larger together than what is held at a time; send them in several"
    )]
    AnswersTooLarge,
    /// 503: the server is about to end.
    #[error("the server is about to end; try another one")]
    Draining,
    /// A film that was not segmented.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// One of several films that was not segmented: none is answered.
    #[error("instance {number} of {count}: {error}")]
    Instance {
        /// Counted from 1.
        number: usize,
        /// How many came.
        count: usize,
        /// What is the matter with it.
        error: Box<ApiError>,
    },
    /// 500: a defect.
    #[error("a handler panicked")]
    Panicked,
    /// 500: an error response that nobody gave a code, which is a defect of this table's callers.
    #[error("an error had no code")]
    Nameless,
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl ApiError {
    /// Makes the error that of one of several instances.
    pub(super) fn for_instance(self, number: usize, count: usize) -> Self {
        Self::Instance {
            number,
            count,
            error: Box::new(self),
        }
    }

    /// The status and the stable code.
    pub(super) fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::EmptyBody => (StatusCode::BAD_REQUEST, "empty_body"),
            Self::MalformedMultipart(_) => (StatusCode::BAD_REQUEST, "malformed_multipart"),
            Self::IncompleteBody => (StatusCode::BAD_REQUEST, "incomplete_body"),
            Self::MissingImage => (StatusCode::BAD_REQUEST, "missing_image"),
            Self::DuplicatePart(_) => (StatusCode::BAD_REQUEST, "duplicate_part"),
            Self::UnknownPart => (StatusCode::BAD_REQUEST, "unknown_part"),
            Self::InvalidQuery(_) => (StatusCode::BAD_REQUEST, "invalid_query"),
            Self::InvalidTimeout => (StatusCode::BAD_REQUEST, "invalid_timeout"),
            Self::InvalidInference(_) => (StatusCode::BAD_REQUEST, "invalid_inference"),
            Self::UnknownModel => (StatusCode::NOT_FOUND, "unknown_model"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not_acceptable"),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body_timeout"),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::TooManyInstances | Self::AnswersTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_many_instances")
            }
            Self::UnsupportedMediaType | Self::Compressed => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            Self::ByteBudgetSpent | Self::AnswerBudgetSpent => {
                (StatusCode::SERVICE_UNAVAILABLE, "byte_budget_spent")
            }
            Self::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
            Self::Pipeline(error) => (pipeline(error), error.code()),
            Self::Instance { error, .. } => error.kind(),
            Self::Panicked | Self::Nameless => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// What the caller is told; the causes of a 500 are for the log alone.
    fn detail(&self, status: StatusCode) -> String {
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            "the request failed here; the log has the cause under the request id".to_owned()
        } else {
            self.to_string()
        }
    }
}

fn pipeline(error: &PipelineError) -> StatusCode {
    match error {
        PipelineError::Film(error) => film(error),
        PipelineError::Reference(_) | PipelineError::Render(_) => StatusCode::UNPROCESSABLE_ENTITY,
        PipelineError::Engine(error) => engine(*error),
        PipelineError::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        PipelineError::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn film(error: &DecodeError) -> StatusCode {
    match error {
        DecodeError::Unrecognised => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        DecodeError::TooManyPixels { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        DecodeError::TooSmall { .. } | DecodeError::SeveralFrames | DecodeError::Undecodable(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

fn engine(error: EngineError) -> StatusCode {
    match error {
        EngineError::Overloaded
        | EngineError::Draining
        | EngineError::Stopped
        | EngineError::OutOfMemory => StatusCode::SERVICE_UNAVAILABLE,
        EngineError::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        EngineError::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An error on its way to the caller. It rides on a response without a body; [`super::observe`], which knows the
/// request's id, logs it once and writes it out.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// The stable code.
    pub(super) code: &'static str,
    /// What the caller is told.
    detail: String,
    /// What the log is told.
    pub(super) cause: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, _) = self.kind();
        let mut response = status.into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if matches!(self, Self::Compressed) {
            response
                .headers_mut()
                .insert(header::ACCEPT_ENCODING, UNCOMPRESSED);
        }
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        response.extensions_mut().insert(Problem::of(&self));
        response
    }
}

/// How a problem is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As RFC 9457 has it.
    Problem,
    /// As the Open Inference Protocol has it.
    Inference,
}

/// A problem as the Open Inference Protocol writes it.
#[derive(Serialize)]
struct Error<'a> {
    error: &'a str,
    code: &'static str,
}

/// A problem as RFC 9457 writes it.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    request_id: &'a str,
}

impl Problem {
    /// The problem that an error is to its caller.
    pub(super) fn of(error: &ApiError) -> Self {
        let (status, code) = error.kind();
        Self {
            code,
            detail: error.detail(status),
            cause: error.to_string(),
        }
    }

    /// The response of a problem, with the headers that `response` has already.
    pub(super) fn write(&self, response: &Response, request_id: &str, style: Style) -> Response {
        let status = response.status();
        let (body, media) = match style {
            Style::Inference => (
                Json(Error {
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

    fn body(&self, status: StatusCode, request_id: &str) -> Response {
        let body = Json(Body {
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

#[cfg(test)]
mod tests;
