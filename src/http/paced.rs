//! Decides how an answer leaves: in pieces, and only for as long as its reader takes them.
//!
//! Whoever asks for a large answer and does not read it would else hold its bytes for as long as the connection lives, and by HTTP/2 that is for
//! as long as anything else goes over it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// What is handed on at a time, as a copy: a part of the answer's own bytes would keep all of them.
const PIECE_BYTES: usize = 64 << 10;

/// A body of several runs of bytes.
#[derive(Debug)]
pub(super) struct Paced {
    left: Arc<Left>,
}

#[derive(Debug)]
struct Left {
    /// What is still to leave; `None` once its reader has been given up.
    bytes: Mutex<Option<VecDeque<Bytes>>>,
    taken: Notify,
}

impl Paced {
    /// A body that is given up where its next piece is not taken within `patience`. Needs a tokio runtime.
    pub(super) fn new(bytes: impl IntoIterator<Item = Bytes>, patience: Duration) -> Self {
        let bytes: VecDeque<Bytes> = bytes
            .into_iter()
            .filter(|bytes| !bytes.is_empty())
            .collect();
        let watched = length(&bytes) > PIECE_BYTES;
        let left = Arc::new(Left {
            bytes: Mutex::new(Some(bytes)),
            taken: Notify::new(),
        });
        if watched {
            tokio::spawn(watch(Arc::clone(&left), patience));
        }
        Self { left }
    }
}

/// Waits until everything has been taken, or something not in time.
async fn watch(left: Arc<Left>, patience: Duration) {
    while left.lock().as_ref().is_some_and(|bytes| !bytes.is_empty()) {
        if tokio::time::timeout(patience, left.taken.notified())
            .await
            .is_err()
        {
            *left.lock() = None;
            tracing::debug!("an answer was not read, and is given up");
        }
    }
}

fn length(bytes: &VecDeque<Bytes>) -> usize {
    bytes.iter().map(Bytes::len).sum()
}

impl Left {
    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Bytes>>> {
        // Nothing panics under the lock.
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<io::Result<Bytes>> {
        let mut left = self.lock();
        let Some(bytes) = left.as_mut() else {
            return Some(Err(io::ErrorKind::TimedOut.into()));
        };
        let mut first = bytes.pop_front()?;
        let piece = Bytes::copy_from_slice(&first.split_to(first.len().min(PIECE_BYTES)));
        if !first.is_empty() {
            bytes.push_front(first);
        }
        Some(Ok(piece))
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = self.left.next();
        self.left.taken.notify_one();
        Poll::Ready(next.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left.lock().as_ref().is_some_and(VecDeque::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .lock()
            .as_ref()
            .map_or_else(SizeHint::new, |bytes| {
                SizeHint::with_exact(length(bytes) as u64)
            })
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        *self.left.lock() = None;
        self.left.taken.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// Bytes that tell whether they are held.
    struct Held(Arc<Bytes>);

    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    fn bytes(length: usize) -> Bytes {
        (0..length)
            .map(|index| u8::try_from(index % 251).expect("below 251"))
            .collect()
    }

    #[tokio::test]
    async fn all_of_it_leaves_in_its_order() {
        let runs = [
            bytes(3),
            Bytes::new(),
            bytes(3 * PIECE_BYTES + 7),
            bytes(PIECE_BYTES),
        ];
        let body = Paced::new(runs.clone(), Duration::from_hours(1));
        assert_eq!(body.size_hint().exact(), Some(runs.concat().len() as u64));
        assert_eq!(body.collect().await.unwrap().to_bytes(), runs.concat());
        let empty = Paced::new([], Duration::ZERO);
        assert!(empty.is_end_stream());
        assert!(empty.collect().await.unwrap().to_bytes().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_taken_in_time_is_given_up() {
        let patience = Duration::from_secs(30);
        let held = Arc::new(bytes(3 * PIECE_BYTES));
        let mut body = Paced::new([Bytes::from_owner(Held(Arc::clone(&held)))], patience);
        for _ in 0..2 {
            tokio::time::sleep(patience / 2).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
        assert_eq!(Arc::strong_count(&held), 2);
        tokio::time::sleep(patience * 2).await;
        assert_eq!(
            Arc::strong_count(&held),
            1,
            "its bytes are free while the body is still there"
        );
        assert!(body.frame().await.unwrap().is_err());
    }
}
