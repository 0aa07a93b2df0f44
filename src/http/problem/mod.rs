//! The errors of the API: one status and one stable code for each, in one table.
//!
//! An error rides on a response without a body, as a [`Problem`] among its extensions. The outermost middleware, which knows the id of
//! the request, logs it once and writes it.

mod document;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(crate) use self::document::{Problem, Style};
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

/// The number of seconds after which a caller that was refused for now may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The content coding that a body may have (RFC 9110, 15.5.16).
const UNCOMPRESSED: HeaderValue = HeaderValue::from_static("identity");

/// The challenge to a caller without a key (RFC 6750, 3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"lungfield\"");

/// A reason for which a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// 400: the body is empty.
    #[error("the body is empty; send a film")]
    EmptyBody,
    /// 400: the body cannot be divided into parts.
    #[error("the multipart body can't be read: {0}")]
    MalformedMultipart(String),
    /// 400: the body ended early; its sender has most likely left.
    #[error("the body ended before it was complete")]
    IncompleteBody,
    /// 400: a form without a film.
    #[error("the form has no part named `image`")]
    MissingImage,
    /// 400: a part of a form that is there twice.
    #[error("the form has more than one part named `{0}`")]
    DuplicatePart(&'static str),
    /// 400: a part of a form with another name.
    #[error("the form has a part that is named neither `image` nor `ground_truth`")]
    UnknownPart,
    /// 400: a query parameter that is unknown, repeated or out of range.
    #[error("the query can't be used: {0}")]
    InvalidQuery(String),
    /// 400: a timeout of the caller that cannot be read.
    #[error("`Lungfield-Timeout-Ms` must be a whole number of milliseconds, at least 1")]
    InvalidTimeout,
    /// 400: an inference request that cannot be understood, or contradicts itself.
    #[error("{0}")]
    InvalidInference(String),
    /// 404: the path names a model or version that is not served.
    #[error("this server has no such model or version; `/v1/model` names the one that it serves")]
    UnknownModel,
    /// 401: no valid key.
    #[error("this server asks for a key: `Authorization: Bearer KEY`")]
    Unauthorized,
    /// 404: an unknown path.
    #[error("there is nothing at this path")]
    NotFound,
    /// 405: a method that the path does not have; `Allow` lists those that it has.
    #[error("this path does not have this method; `Allow` lists those that it has")]
    MethodNotAllowed,
    /// 406: the caller accepts no rendering.
    #[error("a result can be {media_types}, and `Accept` allows none of them")]
    NotAcceptable {
        /// The media types that a result can have.
        media_types: String,
    },
    /// 408: the body took too long.
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// 413: the body is too long.
    #[error("the body is larger than {max_body_bytes} bytes")]
    BodyTooLarge {
        /// The largest body.
        max_body_bytes: u64,
    },
    /// 413: a related body of too many instances.
    #[error("the body has more than {max_instances} instances; send them in several requests")]
    TooManyInstances {
        /// The most instances.
        max_instances: usize,
    },
    /// 415: the stated media type is not that of a film.
    #[error(
        "send a film as {}, application/octet-stream, multipart/form-data, or multipart/related of application/dicom",
        formats::media_types().collect::<Vec<_>>().join(", ")
    )]
    UnsupportedMediaType,
    /// 415: the body of an inference request is compressed.
    #[error("compressed bodies cannot be read; send the body without `Content-Encoding`")]
    Compressed,
    /// 503: the budget of bytes has no room for this body.
    #[error("the server holds as many bytes of films as it may; try again later")]
    ByteBudgetSpent,
    /// 503: the budget of bytes has no room for this response.
    #[error("the server holds as many bytes of results as it may; try again later")]
    AnswerBudgetSpent,
    /// 413: the results of a related body's instances have no room in the budget together.
    #[error(
        "the results of these instances are together larger than the server may hold; send them in several requests"
    )]
    AnswersTooLarge,
    /// 503: the server stops.
    #[error("the server is shutting down; try another one")]
    Draining,
    /// A film that was not segmented.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// One of several films was not segmented; then none is answered.
    #[error("instance {number} of {count}: {error}")]
    Instance {
        /// The number of the instance, from 1.
        number: usize,
        /// The number of all instances.
        count: usize,
        /// Why it was not segmented.
        error: Box<ApiError>,
    },
    /// 500: a defect.
    #[error("a handler panicked")]
    Panicked,
    /// 500: an error response without a problem, which is a defect of the code that made it.
    #[error("an error response has no problem")]
    NoProblem,
    /// 500: a request without its context, which is a defect of the router.
    #[error("a request has no context")]
    NoContext,
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl ApiError {
    /// Makes the error that of the instance `number`, counted from 1, of `count`.
    pub(crate) fn for_instance(self, number: usize, count: usize) -> Self {
        Self::Instance {
            number,
            count,
            error: Box::new(self),
        }
    }

    /// Returns the status and the stable code.
    pub(crate) fn kind(&self) -> (StatusCode, &'static str) {
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
            Self::NotAcceptable { .. } => (StatusCode::NOT_ACCEPTABLE, "not_acceptable"),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body_timeout"),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::TooManyInstances { .. } | Self::AnswersTooLarge => {
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
            Self::Panicked | Self::NoProblem | Self::NoContext => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        }
    }

    /// Returns the text for the caller. The cause of a 500 is only for the log.
    fn detail(&self, status: StatusCode) -> String {
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            "the server failed; its log has the cause under the request id".to_owned()
        } else {
            self.to_string()
        }
    }
}

/// Returns the status of a film that was not segmented.
fn pipeline(error: &PipelineError) -> StatusCode {
    match error {
        PipelineError::Film(error) => film(error),
        PipelineError::Reference(_) | PipelineError::Render(_) => StatusCode::UNPROCESSABLE_ENTITY,
        PipelineError::Engine(error) => engine(*error),
        PipelineError::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        PipelineError::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Returns the status of a film that was not decoded.
fn film(error: &DecodeError) -> StatusCode {
    match error {
        DecodeError::Unrecognised => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        DecodeError::TooManyPixels { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        DecodeError::TooSmall { .. } | DecodeError::SeveralFrames | DecodeError::Undecodable(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

/// Returns the status of a film that the model did not segment.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_once_and_a_500_shows_no_cause() {
        let errors = [
            ApiError::EmptyBody,
            PipelineError::Film(DecodeError::SeveralFrames).into(),
            PipelineError::Reference(lungfield_codec::reference::ReferenceError::TrueColour).into(),
            EngineError::Failed.into(),
            ApiError::Panicked,
        ];
        for error in errors {
            let (status, code) = error.kind();
            assert_eq!(
                CODES.iter().filter(|&&listed| listed == code).count(),
                1,
                "{code}"
            );
            assert!(!error.detail(status).contains("panicked"));
        }
    }

    #[test]
    fn a_503_says_when_to_try_again() {
        for error in [
            EngineError::Overloaded,
            EngineError::OutOfMemory,
            EngineError::Stopped,
        ] {
            assert!(
                ApiError::from(error)
                    .into_response()
                    .headers()
                    .contains_key(header::RETRY_AFTER)
            );
        }
        assert!(
            !ApiError::EmptyBody
                .into_response()
                .headers()
                .contains_key(header::RETRY_AFTER)
        );
    }
}
