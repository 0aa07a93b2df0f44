//! A body that is counted, charged and timed as it arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::Stream;
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::http::App;
use crate::http::middleware::audit::InputHash;
use crate::http::problem::ApiError;
use crate::http::request::budget::Charge;

/// The most bytes of a form that may come before its parser makes something of them, such as the head of a part.
const MAX_UNPARSED_BYTES: usize = 16 << 10;
/// The most bytes that the parser of forms is given at a time.
const MAX_PIECE_BYTES: usize = 8 << 10;

/// A body that is counted, charged and timed as it arrives.
#[derive(Debug)]
pub(super) struct Metered {
    body: Body,
    charge: Arc<Charge>,
    received: u64,
    max_body_bytes: u64,
    deadline: Instant,
}

impl Metered {
    /// Takes a body of which nothing has been read. One whose stated length is too large is refused.
    pub(super) fn new(app: &App, headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        let max_body_bytes = app.options().max_body_bytes;
        if content_length(headers).is_some_and(|length| length > max_body_bytes) {
            return Err(ApiError::BodyTooLarge { max_body_bytes });
        }
        Ok(Self {
            body,
            charge: Arc::new(app.budget.charge()),
            received: 0,
            max_body_bytes,
            deadline: Instant::now() + app.options().body_timeout,
        })
    }

    /// Returns what the bytes of the body are charged to.
    pub(super) fn charge(&self) -> Arc<Charge> {
        Arc::clone(&self.charge)
    }

    /// Returns the next bytes, or `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = tokio::time::timeout_at(self.deadline, self.body.frame());
            let frame = match frame.await.map_err(|_elapsed| ApiError::BodyTimeout)? {
                None => return Ok(None),
                Some(frame) => frame.map_err(|_broken| ApiError::IncompleteBody)?,
            };
            let Ok(data) = frame.into_data() else {
                continue; // trailers have nothing of a film
            };
            self.received += data.len() as u64;
            if self.received > self.max_body_bytes {
                return Err(ApiError::BodyTooLarge {
                    max_body_bytes: self.max_body_bytes,
                });
            }
            let taken = self.charge.take(data.len());
            taken.map_err(|_spent| ApiError::ByteBudgetSpent)?;
            return Ok(Some(data));
        }
    }

    /// Reads and hashes the whole body, which must not be empty.
    pub(super) async fn collect(&mut self, hash: &mut InputHash) -> Result<Vec<u8>, ApiError> {
        let mut bytes = Vec::new();
        while let Some(data) = self.next().await? {
            hash.update(&data);
            bytes.extend_from_slice(&data);
        }
        if bytes.is_empty() {
            Err(ApiError::EmptyBody)
        } else {
            Ok(bytes)
        }
    }

    /// Returns the body in pieces for the parser of forms.
    ///
    /// The parser would take in all that has arrived, and on every arrival search for the end of a part's head from its start. So
    /// it is given small pieces, one at a time, and an error once it has too many of them unparsed. The pieces are small, since it
    /// may take two before it looks at the first.
    pub(super) fn into_pieces(
        self,
        progress: &Progress,
    ) -> impl Stream<Item = Result<Bytes, ApiError>> {
        futures_util::stream::try_unfold(
            (self, Bytes::new()),
            move |(mut body, mut left)| async move {
                tokio::task::yield_now().await;
                while left.is_empty() {
                    let Some(data) = body.next().await? else {
                        return Ok(None);
                    };
                    left = data;
                }
                let piece = left.split_to(left.len().min(MAX_PIECE_BYTES));
                progress.received(piece.len())?;
                Ok(Some((piece, (body, left))))
            },
        )
    }
}

/// Returns the length that a request states for its body.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

/// How far the parser of a form has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    received: AtomicUsize,
    unparsed: AtomicUsize,
}

impl Progress {
    /// Counts bytes that the parser is given. Most of the last piece that makes them too many may belong to a film.
    fn received(&self, bytes: usize) -> Result<(), ApiError> {
        self.received.fetch_add(bytes, Ordering::Relaxed);
        if self.unparsed.fetch_add(bytes, Ordering::Relaxed) > MAX_UNPARSED_BYTES {
            return Err(ApiError::MalformedMultipart(
                "the head of a part is too long".to_owned(),
            ));
        }
        Ok(())
    }

    /// Records that the parser has made something of what it had.
    pub(super) fn parsed(&self) {
        self.unparsed.store(0, Ordering::Relaxed);
    }

    /// Returns whether the body was empty so far.
    pub(super) fn is_empty(&self) -> bool {
        self.received.load(Ordering::Relaxed) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_without_end_is_refused() {
        let progress = Progress::default();
        assert!(progress.is_empty());
        for _ in 0..3 {
            progress.received(MAX_PIECE_BYTES).unwrap();
        }
        assert!(!progress.is_empty());
        assert!(progress.received(1).is_err());
        progress.parsed();
        progress.received(1).unwrap();
    }

    #[test]
    fn a_stated_length_is_read_where_it_is_a_number() {
        let of = |value: &str| {
            let value = value.parse().unwrap();
            content_length(&HeaderMap::from_iter([(header::CONTENT_LENGTH, value)]))
        };
        assert_eq!(of("64"), Some(64));
        assert_eq!(of("many"), None);
        assert_eq!(content_length(&HeaderMap::new()), None);
    }
}
