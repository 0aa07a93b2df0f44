//! Decides until when a caller waits: until the server's own limit, or earlier where the caller says so.

use std::time::{Duration, Instant};

use axum::http::HeaderMap;

use super::headers::TIMEOUT_MS;
use super::problem::ApiError;

/// How long the caller of a request waits, where it says so: a whole number of milliseconds, at least 1. One that is too large to
/// count is as good as the largest.
pub(super) fn patience(headers: &HeaderMap) -> Result<Option<Duration>, ApiError> {
    let mut values = headers.get_all(TIMEOUT_MS).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| ApiError::InvalidTimeout)?;
    // Plain digits: the parser would take a sign as well.
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let milliseconds = text.parse().unwrap_or(u64::MAX);
    if plain && milliseconds > 0 && values.next().is_none() {
        Ok(Some(Duration::from_millis(milliseconds)))
    } else {
        Err(ApiError::InvalidTimeout)
    }
}

/// When the caller of a request that came at `arrived` stops waiting, by its own `patience`. One that is longer than time
/// itself is no limit.
pub(super) fn caller_deadline(arrived: Instant, patience: Option<Duration>) -> Option<Instant> {
    patience.and_then(|patience| arrived.checked_add(patience))
}

/// When nobody waits any more for the answer to a film that is there at `now`: the server's limit counts from then, so that a
/// slow line costs a film nothing.
pub(super) fn film_deadline(
    now: Instant,
    request_timeout: Duration,
    caller: Option<Instant>,
) -> Instant {
    let own = now + request_timeout;
    caller.map_or(own, |caller| caller.min(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Option<Duration>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TIMEOUT_MS, value.parse().unwrap());
        }
        patience(&headers).map_err(|error| error.kind().1)
    }

    #[test]
    fn a_caller_may_say_how_long_it_waits() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&["1"]), Ok(Some(Duration::from_millis(1))));
        assert_eq!(of(&["007000"]), Ok(Some(Duration::from_secs(7))));
        for large in [u64::MAX.to_string(), "9".repeat(30)] {
            assert_eq!(of(&[&large]), Ok(Some(Duration::from_millis(u64::MAX))));
        }
    }

    #[test]
    fn anything_but_a_number_of_milliseconds_is_refused() {
        for bad in ["", "0", "-1", "+1", "1.5", "1s", "1 ", "0x1"] {
            assert_eq!(of(&[bad]), Err("invalid_timeout"), "{bad:?}");
        }
        assert_eq!(of(&["10", "10"]), Err("invalid_timeout"), "one too many");
    }

    #[test]
    fn the_earlier_of_two_limits_counts() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(film_deadline(now, second, None), now + second);
        assert_eq!(
            film_deadline(now, second, Some(now + 2 * second)),
            now + second
        );
        assert_eq!(
            film_deadline(now, second, Some(now + second / 2)),
            now + second / 2
        );
        assert_eq!(caller_deadline(now, Some(second)), Some(now + second));
        assert_eq!(caller_deadline(now, Some(Duration::MAX)), None);
    }
}
