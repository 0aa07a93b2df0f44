//! Drains the body of a request that its response did not wait for.
//!
//! A response that is sent before the body has arrived would otherwise close the connection while the client still sends, and a plain
//! client would see a broken pipe instead of the status.

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

/// How long an unread body is drained.
const MAX_TIME: Duration = Duration::from_secs(2);
/// How many bytes of an unread body are drained.
const MAX_BYTES: u64 = 64 << 20;

/// Drains what a handler leaves of a request's body.
pub(crate) async fn drain_unread(request: Request, next: Next) -> Response {
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let request = request.map(|body| {
        Body::new(DrainedBody {
            inner: Some(body),
            is_sent: !expects_continue,
        })
    });
    next.run(request).await
}

/// A body that is drained in the background when it is dropped before its end.
#[derive(Debug)]
struct DrainedBody {
    inner: Option<Body>,
    /// Whether the client sends the body: one that waits for `100 Continue` does so only once the body is read.
    is_sent: bool,
}

impl HttpBody for DrainedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_sent = true;
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

impl Drop for DrainedBody {
    fn drop(&mut self) {
        let unread = self
            .inner
            .take()
            .filter(|body| self.is_sent && !body.is_end_stream());
        // Outside of a runtime there is no connection either.
        if let (Some(body), Ok(runtime)) = (unread, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(MAX_TIME, discard(body)));
        }
    }
}

async fn discard(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > MAX_BYTES {
            return;
        }
    }
}
