//! What went wrong while a form was read.

use crate::http::problem::ApiError;

/// Returns the error for a form that cannot be parsed.
pub(super) fn malformed(cause: &multer::Error) -> ApiError {
    ApiError::MalformedMultipart(cause.to_string())
}

/// Returns the error behind a failure of the form parser: its own text, or the error of the body that it read.
pub(super) fn refused(cause: &multer::Error) -> ApiError {
    let multer::Error::StreamReadFailed(inner) = cause else {
        return malformed(cause);
    };
    match inner.downcast_ref::<ApiError>() {
        Some(ApiError::BodyTooLarge { max_body_bytes }) => ApiError::BodyTooLarge {
            max_body_bytes: *max_body_bytes,
        },
        Some(ApiError::ByteBudgetSpent) => ApiError::ByteBudgetSpent,
        Some(ApiError::BodyTimeout) => ApiError::BodyTimeout,
        Some(ApiError::MalformedMultipart(cause)) => ApiError::MalformedMultipart(cause.clone()),
        _ => ApiError::IncompleteBody,
    }
}
