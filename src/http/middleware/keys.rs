//! API keys: a request must show a key whose hash is in the key file.
//!
//! A line of the file is a name and the SHA-256 of a key in hexadecimal. Keys are long and random, so a plain hash is as good as
//! a slow one: there is no dictionary to try. The file itself opens no door.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::http::App;
use crate::http::problem::ApiError;
use crate::http::request::context::RequestContext;
use crate::http::request_id::is_plain;

/// The API keys of a server.
///
/// ```
/// use lungfield::http::{Keys, KeysError};
///
/// // A comment, and the key `open sesame` of `ward-7`: printf 'open sesame' | sha256sum
/// let file = "# hospital A\n\
///     ward-7 41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb\n";
/// assert_eq!(Keys::parse(file)?.count(), 1);
///
/// assert_eq!(Keys::parse("ward-7 open sesame\n"), Err(KeysError::Line(1)));
/// assert_eq!(Keys::parse("# nobody\n"), Err(KeysError::Empty));
/// # Ok::<_, KeysError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    name: Arc<str>,
    sha256: [u8; 32],
}

/// An error in a key file. Its text never shows the contents of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The line of this number, from 1, is neither a key nor a comment.
    #[error(
        "line {0} is not a name and a SHA-256 in 64 hexadecimal digits, with a space between them"
    )]
    Line(usize),
    /// The key of this line is in an earlier line too, so that its name would be ambiguous.
    #[error("the key of line {0} is in an earlier line too")]
    Twice(usize),
    /// A file without keys would lock everybody out.
    #[error("there is no key")]
    Empty,
}

impl Keys {
    /// Parses a key file. Empty lines and lines that begin with `#` are ignored. A name may have several keys, so that one can
    /// replace another while both are valid.
    ///
    /// # Errors
    /// Where a line is not understood, a key is there twice, or there is none.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let mut keys: Vec<Key> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = Key::parse(line).ok_or(KeysError::Line(number))?;
            if keys.iter().any(|other| other.sha256 == key.sha256) {
                return Err(KeysError::Twice(number));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            Err(KeysError::Empty)
        } else {
            Ok(Self(keys))
        }
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the name of a key. Takes the same time for every key: all are compared, each to its end.
    fn name(&self, presented: &[u8]) -> Option<Arc<str>> {
        let presented = Sha256::digest(presented);
        let mut found = None;
        for key in &self.0 {
            if bool::from(key.sha256.ct_eq(&presented)) {
                found = Some(&key.name);
            }
        }
        found.cloned()
    }
}

impl Key {
    fn parse(line: &str) -> Option<Self> {
        let (name, hash) = line.split_once(char::is_whitespace)?;
        let mut sha256 = [0; 32];
        let readable = is_plain(name)
            && base16ct::mixed::decode(hash.trim(), &mut sha256)
                .is_ok_and(|decoded| decoded.len() == 32);
        readable.then(|| Self {
            name: name.into(),
            sha256,
        })
    }
}

/// Refuses requests without a valid key, where the server has keys.
pub(crate) async fn require_key(
    State(app): State<Arc<App>>,
    context: RequestContext,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let Some(keys) = &app.access.keys {
        let keys = Arc::clone(&keys.borrow());
        let name = bearer(request.headers())
            .and_then(|key| keys.name(key))
            .ok_or(ApiError::Unauthorized)?;
        context.record.caller(name);
    }
    Ok(next.run(request).await)
}

/// Returns the token of the only `Authorization` header, where that is a bearer token (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, key) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of `open sesame`, as `printf 'open sesame' | sha256sum` gives it.
    const SESAME: &str = "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb";
    /// SHA-256 of nothing.
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_key_is_known_by_its_hash_alone() {
        let keys = Keys::parse(&format!(
            "# wards\n\n ward-7  {SESAME}\nnobody {}\n",
            NOTHING.to_uppercase()
        ));
        let keys = keys.unwrap();
        assert_eq!(keys.count(), 2);
        assert_eq!(keys.name(b"open sesame").as_deref(), Some("ward-7"));
        assert_eq!(keys.name(b"").as_deref(), Some("nobody"));
        for other in [&b"open sesame "[..], b"Open sesame", SESAME.as_bytes()] {
            assert_eq!(keys.name(other), None);
        }
    }

    #[test]
    fn a_file_that_is_not_understood_is_refused_with_its_line_and_none_of_its_text() {
        assert_eq!(Keys::parse("# nothing\n"), Err(KeysError::Empty));
        for bad in [
            "ward-7",
            "ward-7 abc",
            &format!("ward 7 {SESAME}"),
            &format!("Müller {SESAME}"),
            SESAME,
        ] {
            assert_eq!(
                Keys::parse(&format!("#\n{bad}\n")),
                Err(KeysError::Line(2)),
                "{bad}"
            );
        }
        assert_eq!(
            Keys::parse(&format!("a {SESAME}\nb {SESAME}")),
            Err(KeysError::Twice(2))
        );
    }

    #[test]
    fn a_key_comes_as_a_bearer_token() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(of(&["Bearer abc"]), Some(b"abc".to_vec()));
        assert_eq!(of(&["bearer  abc "]), Some(b"abc".to_vec()));
        for bad in [
            &[][..],
            &["abc"],
            &["Basic abc"],
            &["Bearer"],
            &["Bearer abc", "Bearer abc"],
        ] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }
}
