//! Decides how several DICOM instances come in one body, as STOW-RS sends them, and how as many answers leave in one.
//!
//! A body is `multipart/related; type="application/dicom"` (PS3.18, 10.5 and RFC 2387). The answer to one is laid out as it was, so that
//! a body of objects can be sent on as it is.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::paced::Paced;
use super::problem::ApiError;
use lungfield_engine::pipeline::Film;

/// The most instances in one body. Their answers are all held until the last one is there, on the budget for answers.
pub(super) const MAX_INSTANCES: usize = 8;
pub(super) const DICOM: &str = "application/dicom";

/// The films of a request.
#[derive(Debug)]
pub(super) enum Films {
    /// The one film of a body or of a form.
    One(Film),
    /// The instances of a related body, in their order.
    Related(Vec<Film>),
}

/// The boundary of a related body of DICOM instances; `None` where the media type is another.
///
/// Many senders write the type without the quotes that its slash would need, so parameters are read more leniently here than elsewhere.
pub(super) fn boundary(media: &str) -> Option<Result<String, ApiError>> {
    let (essence, parameters) = media.split_once(';').unwrap_or((media, ""));
    if !essence.trim().eq_ignore_ascii_case("multipart/related") {
        return None;
    }
    if !parameter(parameters, "type").is_some_and(|kind| kind.eq_ignore_ascii_case(DICOM)) {
        return Some(Err(ApiError::UnsupportedMediaType));
    }
    let missing = || ApiError::MalformedMultipart("the boundary is missing".to_owned());
    Some(
        parameter(parameters, "boundary")
            .filter(|boundary| !boundary.is_empty())
            .ok_or_else(missing),
    )
}

/// The value of a parameter, without its quotes.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut each = split(parameters, ';').filter_map(|each| each.split_once('='));
    let (_, value) = each.find(|(of, _)| of.trim().eq_ignore_ascii_case(name))?;
    let value = value.trim();
    Some(
        value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value)
            .to_owned(),
    )
}

/// What stands between separators, of which those within quotes are none.
pub(super) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
}

/// Whether a part may be an instance, by what it is said to be, where it is said.
pub(super) fn admit(part: &multer::Field<'_>) -> Result<(), ApiError> {
    let is_dicom = part
        .content_type()
        .is_none_or(|media| media.essence_str().eq_ignore_ascii_case(DICOM));
    if is_dicom {
        Ok(())
    } else {
        Err(ApiError::UnsupportedMediaType)
    }
}

/// An answer among several.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) media: &'static str,
    /// What can be said of it beside its bytes.
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
}

/// Answers of one media type, laid out as one body.
pub(super) fn answer(
    shared: HeaderMap,
    media: &'static str,
    parts: Vec<Part>,
    patience: Duration,
) -> Response {
    // By chance alone in none of them.
    let boundary = format!("lungfield-{}", uuid::Uuid::now_v7());
    let end = Bytes::from(format!("--{boundary}--\r\n"));
    let framed = |part: Part| {
        [
            Bytes::from(head(&part, &boundary)),
            part.bytes,
            Bytes::from_static(b"\r\n"),
        ]
    };
    let body = Body::new(Paced::new(
        parts.into_iter().flat_map(framed).chain([end]),
        patience,
    ));
    let kind = format!("multipart/related; type=\"{media}\"; boundary={boundary}");
    let kind = HeaderValue::from_str(&kind).expect("a media type and a boundary are visible ASCII");
    (shared, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// What stands before the bytes of a part.
fn head(part: &Part, boundary: &str) -> Vec<u8> {
    let mut head = format!("--{boundary}\r\nContent-Type: {}\r\n", part.media).into_bytes();
    for (name, value) in &part.headers {
        head.extend_from_slice(
            &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat(),
        );
    }
    head.extend_from_slice(b"\r\n");
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(media: &str) -> Result<String, &'static str> {
        boundary(media).unwrap().map_err(|error| error.kind().1)
    }

    #[test]
    fn a_related_body_is_one_of_dicom_instances() {
        assert_eq!(
            of("multipart/related; type=\"application/dicom\"; boundary=\"a b\""),
            Ok("a b".to_owned())
        );
        assert_eq!(
            of("multipart/related;boundary=x;type=application/dicom"),
            Ok("x".to_owned())
        );
        assert_eq!(
            of("multipart/related; boundary=x"),
            Err("unsupported_media_type")
        );
        assert_eq!(
            of("multipart/related; type=\"application/dicom+json\"; boundary=x"),
            Err("unsupported_media_type")
        );
        assert_eq!(
            of("multipart/related; type=\"application/dicom\""),
            Err("malformed_multipart")
        );
        assert_eq!(
            of("multipart/related; type=application/dicom; boundary=\"a;b\""),
            Ok("a;b".to_owned())
        );
        assert!(boundary("multipart/form-data; boundary=x").is_none());
    }
}
