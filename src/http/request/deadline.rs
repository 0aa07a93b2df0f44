//! How long a request may take: by its caller's own timeout, and by the server's.

use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use lungfield_engine::pipeline::PipelineError;

use super::context::RequestContext;
use crate::http::headers::TIMEOUT_MS;
use crate::http::problem::ApiError;

/// The moment at which the caller of a request stops waiting, where it states one in `Lungfield-Timeout-Ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallerDeadline(Option<Instant>);

impl CallerDeadline {
    /// Returns the deadline of a request that arrived at `arrived`. A timeout that is longer than the clock can count is none.
    fn new(arrived: Instant, headers: &HeaderMap) -> Result<Self, ApiError> {
        let timeout = caller_timeout(headers)?;
        Ok(Self(
            timeout.and_then(|timeout| arrived.checked_add(timeout)),
        ))
    }

    /// Runs `work` until the caller's deadline.
    pub(crate) async fn limit<T>(
        self,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        match self.0 {
            Some(deadline) => within(deadline, work).await,
            None => work.await,
        }
    }

    /// Returns the deadline of a film that has arrived completely at `now`: the earlier of the caller's and the server's. The
    /// server's timeout counts from `now` on, so that a slow connection costs a film nothing.
    pub(crate) fn for_film(self, now: Instant, request_timeout: Duration) -> Instant {
        let own = now + request_timeout;
        self.0.map_or(own, |caller| caller.min(own))
    }
}

impl<S: Sync> FromRequestParts<S> for CallerDeadline {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let arrived = RequestContext::of(&parts.extensions)?.arrived;
        Self::new(arrived, &parts.headers)
    }
}

/// Runs `work`, or fails when `deadline` passes before it is done.
pub(crate) async fn within<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let limited = tokio::time::timeout_at(deadline.into(), work).await;
    limited.unwrap_or(Err(ApiError::Pipeline(PipelineError::DeadlineExceeded)))
}

/// Returns the timeout that a caller states: a whole number of milliseconds, at least 1. A number that is too large to be counted
/// is as good as the largest.
fn caller_timeout(headers: &HeaderMap) -> Result<Option<Duration>, ApiError> {
    let mut values = headers.get_all(TIMEOUT_MS).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| ApiError::InvalidTimeout)?;
    // Only digits: `parse` would accept a sign as well.
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let milliseconds = text.parse().unwrap_or(u64::MAX);
    if is_plain && milliseconds > 0 && values.next().is_none() {
        Ok(Some(Duration::from_millis(milliseconds)))
    } else {
        Err(ApiError::InvalidTimeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TIMEOUT_MS, value.parse().unwrap());
        }
        headers
    }

    fn timeout(values: &[&str]) -> Result<Option<Duration>, &'static str> {
        caller_timeout(&headers(values)).map_err(|error| error.kind().1)
    }

    #[test]
    fn a_caller_may_state_a_timeout() {
        assert_eq!(timeout(&[]), Ok(None));
        assert_eq!(timeout(&["1"]), Ok(Some(Duration::from_millis(1))));
        assert_eq!(timeout(&["007000"]), Ok(Some(7 * SECOND)));
        for large in [u64::MAX.to_string(), "9".repeat(30)] {
            assert_eq!(
                timeout(&[&large]),
                Ok(Some(Duration::from_millis(u64::MAX)))
            );
        }
    }

    #[test]
    fn anything_but_a_number_of_milliseconds_is_refused() {
        for bad in ["", "0", "-1", "+1", "1.5", "1s", "1 ", "0x1"] {
            assert_eq!(timeout(&[bad]), Err("invalid_timeout"), "{bad:?}");
        }
        assert_eq!(timeout(&["10", "10"]), Err("invalid_timeout"), "two values");
    }

    #[test]
    fn a_timeout_counts_from_the_arrival_of_the_request() {
        let now = Instant::now();
        let deadline = |values: &[&str]| CallerDeadline::new(now, &headers(values)).unwrap();
        assert_eq!(deadline(&["1000"]), CallerDeadline(Some(now + SECOND)));
        assert_eq!(deadline(&[]), CallerDeadline(None));
    }

    #[test]
    fn the_earlier_deadline_counts_for_a_film() {
        let now = Instant::now();
        let none = CallerDeadline(None);
        let later = CallerDeadline(Some(now + 2 * SECOND));
        let earlier = CallerDeadline(Some(now + SECOND / 2));
        assert_eq!(none.for_film(now, SECOND), now + SECOND);
        assert_eq!(later.for_film(now, SECOND), now + SECOND);
        assert_eq!(earlier.for_film(now, SECOND), now + SECOND / 2);
    }

    #[tokio::test]
    async fn work_ends_at_its_deadline() {
        let passed = Instant::now();
        let forever = std::future::pending::<Result<(), ApiError>>();
        let error = CallerDeadline(Some(passed)).limit(forever).await;
        assert_eq!(error.unwrap_err().kind().1, "deadline_exceeded");
        let unlimited = CallerDeadline(None).limit(async { Ok(7) });
        assert_eq!(unlimited.await.unwrap(), 7);
    }
}
