//! Related bodies of results: one part for each instance of the request.
//!
//! The layout is that of the request (RFC 2387), so that a body of DICOM objects can be forwarded as it is.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::paced::Paced;

/// One of several results.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) media_type: &'static str,
    /// The headers of the part, beside its media type.
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

/// Responds with results of one media type as the parts of one body.
pub(crate) fn respond(
    shared: HeaderMap,
    media_type: &'static str,
    parts: Vec<Part>,
    write_timeout: Duration,
) -> Response {
    // A random boundary, which occurs in none of the parts.
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
        write_timeout,
    ));
    let kind = format!("multipart/related; type=\"{media_type}\"; boundary={boundary}");
    let kind = HeaderValue::from_str(&kind).expect("a media type and a boundary are visible ASCII");
    (shared, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// Writes the head of a part.
fn head(part: &Part, boundary: &str) -> Vec<u8> {
    let mut head = format!("--{boundary}\r\nContent-Type: {}\r\n", part.media_type).into_bytes();
    for (name, value) in &part.headers {
        head.extend_from_slice(
            &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat(),
        );
    }
    head.extend_from_slice(b"\r\n");
    head
}
