//! The id of a request, by which its caller and the log know it.

use axum::extract::Request;
use axum::http::HeaderValue;
use uuid::Uuid;

use super::headers::REQUEST_ID;

/// The longest name that may stand in a log, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Returns whether a name may stand in a log or in a file of ours: 1 to 64 ASCII letters, digits, dots, dashes and
/// underscores.
pub(crate) fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed)
}

/// The id of a request: the caller's own `X-Request-Id` where it is plain, otherwise a new UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// Takes the id from a request's header, or makes a new one.
    pub(crate) fn of(request: &Request) -> Self {
        let given = request
            .headers()
            .get(REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .filter(|id| is_plain(id));
        Self(given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
    }

    /// Returns the id as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id as the value of a header field.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id is plain")
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn id_of(header: Option<&str>) -> String {
        let mut request = Request::new(Body::empty());
        if let Some(id) = header {
            let value = HeaderValue::from_bytes(id.as_bytes()).unwrap();
            request.headers_mut().insert(REQUEST_ID, value);
        }
        RequestId::of(&request).as_str().to_owned()
    }

    #[test]
    fn a_plain_id_of_the_caller_is_kept() {
        for id in ["ward-7.42", "_", &"x".repeat(MAX_NAME_BYTES)] {
            assert_eq!(id_of(Some(id)), id);
        }
    }

    #[test]
    fn any_other_id_is_replaced_by_a_uuid() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for id in [None, Some(""), Some("a b"), Some("Müller"), Some(&long)] {
            assert!(Uuid::parse_str(&id_of(id)).is_ok(), "{id:?}");
        }
    }
}
