//! A response body that is dropped when its reader stops taking it.
//!
//! A caller who asks for a large response and does not read it would otherwise hold its bytes for as long as the connection
//! lives, which with HTTP/2 is as long as any other request uses it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// The largest piece that is handed on at a time, in bytes. It is a copy: a slice would keep the whole response in memory.
const PIECE_BYTES: usize = 64 << 10;

/// A body of several runs of bytes, which is dropped when its next piece is not taken within a time.
#[derive(Debug)]
pub(crate) struct Paced {
    shared: Arc<Shared>,
}

/// What a body and the task that watches it share.
#[derive(Debug)]
struct Shared {
    unsent: Mutex<Unsent>,
    /// Tells the watching task that nothing is left to watch.
    done: Notify,
}

/// The bytes of a body that have not been taken, and when the last piece was.
#[derive(Debug)]
struct Unsent {
    /// `None` once the body has been dropped or its reader has been given up.
    bytes: Option<VecDeque<Bytes>>,
    last_taken: Instant,
}

/// What the watching task does next.
#[derive(Debug, PartialEq, Eq)]
enum Check {
    /// Everything has been taken.
    Finished,
    /// The reader has this long to take the next piece.
    Wait(Duration),
    /// The reader took nothing in time; the bytes are gone.
    GivenUp,
}

impl Unsent {
    fn new(bytes: impl IntoIterator<Item = Bytes>, now: Instant) -> Self {
        let bytes = bytes.into_iter().filter(|bytes| !bytes.is_empty());
        Self {
            bytes: Some(bytes.collect()),
            last_taken: now,
        }
    }

    /// Returns how many bytes are left, or `None` where they have been given up.
    fn length(&self) -> Option<usize> {
        let bytes = self.bytes.as_ref()?;
        Some(bytes.iter().map(Bytes::len).sum())
    }

    /// Takes the next piece. `None` is the end; an error says that the bytes were given up.
    fn take(&mut self, now: Instant) -> Option<io::Result<Bytes>> {
        self.last_taken = now;
        let Some(bytes) = self.bytes.as_mut() else {
            return Some(Err(io::ErrorKind::TimedOut.into()));
        };
        let mut first = bytes.pop_front()?;
        let piece = Bytes::copy_from_slice(&first.split_to(first.len().min(PIECE_BYTES)));
        if !first.is_empty() {
            bytes.push_front(first);
        }
        Some(Ok(piece))
    }

    /// Gives the bytes up where none was taken for `write_timeout`.
    fn check(&mut self, now: Instant, write_timeout: Duration) -> Check {
        if self.bytes.as_ref().is_none_or(VecDeque::is_empty) {
            return Check::Finished;
        }
        let idle = now.saturating_duration_since(self.last_taken);
        match write_timeout.checked_sub(idle) {
            Some(left) if !left.is_zero() => Check::Wait(left),
            _ => {
                self.bytes = None;
                Check::GivenUp
            }
        }
    }
}

impl Paced {
    /// Makes a body that is dropped when its next piece is not taken within `write_timeout`. Needs a tokio runtime.
    pub(crate) fn new(bytes: impl IntoIterator<Item = Bytes>, write_timeout: Duration) -> Self {
        let unsent = Unsent::new(bytes, Instant::now());
        // A single piece is taken at once, together with the head of the response.
        let is_watched = unsent.length() > Some(PIECE_BYTES);
        let shared = Arc::new(Shared {
            unsent: Mutex::new(unsent),
            done: Notify::new(),
        });
        if is_watched {
            tokio::spawn(watch(Arc::clone(&shared), write_timeout));
        }
        Self { shared }
    }
}

/// Waits until everything has been taken, or a piece not in time.
async fn watch(shared: Arc<Shared>, write_timeout: Duration) {
    loop {
        let check = shared.lock().check(Instant::now(), write_timeout);
        match check {
            Check::Finished => return,
            Check::GivenUp => {
                tracing::debug!("dropped a response that was not read");
                return;
            }
            Check::Wait(time) => {
                let _ = tokio::time::timeout(time, shared.done.notified()).await;
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Unsent> {
        // Nothing panics under the lock.
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut unsent = self.shared.lock();
        let piece = unsent.take(Instant::now());
        if unsent.length() == Some(0) {
            self.shared.done.notify_one();
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.shared.lock().length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.shared
            .lock()
            .length()
            .map_or_else(SizeHint::new, |bytes| SizeHint::with_exact(bytes as u64))
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.shared.lock().bytes = None;
        self.shared.done.notify_one();
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
    async fn all_bytes_are_sent_in_their_order() {
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

    #[test]
    fn what_is_not_taken_in_time_is_given_up() {
        let (start, timeout) = (Instant::now(), Duration::from_secs(30));
        let held = Arc::new(bytes(3 * PIECE_BYTES));
        let mut unsent = Unsent::new([Bytes::from_owner(Held(Arc::clone(&held)))], start);
        assert_eq!(unsent.check(start, timeout), Check::Wait(timeout));

        // A reader that takes a piece now and then keeps its response for longer than the timeout.
        for halves in 1..=2 {
            let now = start + timeout / 2 * halves;
            assert_eq!(unsent.check(now, timeout), Check::Wait(timeout / 2));
            assert!(unsent.take(now).unwrap().is_ok());
        }
        assert_eq!(Arc::strong_count(&held), 2);

        let late = start + 2 * timeout;
        assert_eq!(unsent.check(late, timeout), Check::GivenUp);
        assert_eq!(Arc::strong_count(&held), 1, "the bytes are freed at once");
        assert!(unsent.take(late).unwrap().is_err());
        assert_eq!(unsent.check(late, timeout), Check::Finished);
    }

    #[test]
    fn a_body_that_was_taken_is_not_watched_any_more() {
        let (start, timeout) = (Instant::now(), Duration::from_secs(30));
        let mut unsent = Unsent::new([bytes(PIECE_BYTES + 1)], start);
        while let Some(piece) = unsent.take(start) {
            piece.unwrap();
        }
        assert_eq!(unsent.check(start + timeout, timeout), Check::Finished);
    }

    #[tokio::test]
    async fn the_watching_task_ends_with_its_body() {
        let body = Paced::new([bytes(2 * PIECE_BYTES)], Duration::from_hours(1));
        let shared = Arc::downgrade(&body.shared);
        tokio::task::yield_now().await;
        drop(body);
        while shared.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    }
}
