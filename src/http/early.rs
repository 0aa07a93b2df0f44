//! Decides what becomes of a body that its answer did not wait for: it is read and thrown away, for a while.
//!
//! An answer that comes before the body is through would otherwise end the connection under the sender's hands, and
//! a plain client would see a broken pipe instead of the status.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

/// How long a left-over body is read.
const TIME: Duration = Duration::from_secs(2);
/// How much of a left-over body is read, in bytes.
const BYTES: u64 = 64 << 20;

/// Sees to every request's body.
pub(super) async fn drain_left_overs(request: Request, next: Next) -> Response {
    let waits = request.headers().contains_key(header::EXPECT);
    let request = request.map(|body| {
        Body::new(Draining {
            inner: Some(body),
            asked: !waits,
        })
    });
    next.run(request).await
}

/// A body that is read to its end, in the background, when whoever was to read it loses interest.
#[derive(Debug)]
struct Draining {
    inner: Option<Body>,
    /// Whether the sender sends: one that waits for `100 Continue` has sent nothing unless somebody reads.
    asked: bool,
}

impl HttpBody for Draining {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.asked = true;
        let Some(inner) = self.inner.as_mut() else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(inner).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.inner = None; // nothing is left to read
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or(SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        let left_over = self
            .inner
            .take()
            .filter(|body| self.asked && !body.is_end_stream());
        // Outside of a runtime there is no connection either.
        if let (Some(body), Ok(runtime)) = (left_over, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(TIME, discard(body)));
        }
    }
}

async fn discard(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > BYTES {
            return;
        }
    }
}
