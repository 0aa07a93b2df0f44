//! Where the JSON of a body ends and its binary tensors begin.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};

use crate::http::headers::JSON_BYTES;
use crate::http::problem::ApiError;

/// An extractor for the number of bytes of a body that are JSON: all of them where it is `None`. A compressed body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonBytes(pub(super) Option<usize>);

impl<S: Sync> FromRequestParts<S> for JsonBytes {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::of(&parts.headers)
    }
}

impl JsonBytes {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let coding = headers.get(header::CONTENT_ENCODING);
        if coding.is_some_and(|coding| coding != "identity") {
            return Err(ApiError::Compressed);
        }
        let Some(value) = headers.get(JSON_BYTES) else {
            return Ok(Self(None));
        };
        let number = value.to_str().ok().and_then(|text| text.parse().ok());
        number.map(|number| Self(Some(number))).ok_or_else(|| {
            let detail = "`Inference-Header-Content-Length` is not a number of bytes";
            ApiError::InvalidInference(detail.to_owned())
        })
    }

    /// Returns the headers of a response whose JSON has so many bytes.
    pub(super) fn headers(self) -> HeaderMap {
        let media_type = if self.0.is_some() {
            "application/octet-stream"
        } else {
            "application/json"
        };
        let media_type = HeaderValue::from_static(media_type);
        let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
        headers.extend(self.0.map(|bytes| (JSON_BYTES, HeaderValue::from(bytes))));
        headers
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn of(name: HeaderName, value: &str) -> Result<JsonBytes, &'static str> {
        let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
        JsonBytes::of(&headers).map_err(|error| error.kind().1)
    }

    #[test]
    fn a_body_is_all_json_unless_it_says_otherwise() {
        assert_eq!(of(header::ACCEPT, "*/*"), Ok(JsonBytes(None)));
        let stated = of(JSON_BYTES, "7");
        assert_eq!(stated, Ok(JsonBytes(Some(7))));
        for bad in ["", "-7", "7.5", "seven"] {
            assert_eq!(of(JSON_BYTES, bad), Err("invalid_inference"));
        }
    }

    #[test]
    fn a_compressed_body_is_refused() {
        assert_eq!(
            of(header::CONTENT_ENCODING, "identity"),
            Ok(JsonBytes(None))
        );
        assert_eq!(
            of(header::CONTENT_ENCODING, "gzip"),
            Err("unsupported_media_type")
        );
    }

    #[test]
    fn a_response_states_what_a_request_does() {
        for framing in [JsonBytes(None), JsonBytes(Some(312))] {
            assert_eq!(JsonBytes::of(&framing.headers()).unwrap(), framing);
        }
    }
}
