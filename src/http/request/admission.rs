//! Admission: whether a film may be taken now, by the phase of the server and the length of its queue.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use lungfield_engine::{EngineError, Health};

use crate::http::App;
use crate::http::problem::ApiError;

/// A phase of a server's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It still serves, but is not ready any more, so that load balancers choose another server.
    Leaving,
    /// It finishes the requests in flight and takes no more.
    Draining,
}

/// An extractor that refuses a request whose film cannot be taken now. It comes before the body is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted;

impl FromRequestParts<Arc<App>> for Admitted {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let engine = app.pipeline().engine();
        // Copied first: the queue announces its health under its own lock, which `is_full` takes as well.
        let (health, phase) = (*engine.health().borrow(), app.phase());
        check(health, phase, || engine.is_full()).map(|()| Self)
    }
}

/// Decides whether a film may be taken.
fn check(health: Health, phase: Phase, is_full: impl FnOnce() -> bool) -> Result<(), ApiError> {
    match (health, phase) {
        (Health::Failed, _) => Err(EngineError::Stopped.into()),
        (Health::Draining, _) | (_, Phase::Draining) => Err(ApiError::Draining),
        (Health::Running, _) if is_full() => Err(EngineError::Overloaded.into()),
        (Health::Running, Phase::Serving | Phase::Leaving) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(health: Health, phase: Phase, is_full: bool) -> Option<&'static str> {
        check(health, phase, || is_full)
            .err()
            .map(|error| error.kind().1)
    }

    #[test]
    fn a_server_takes_films_until_it_drains() {
        for (phase, refusal) in [
            (Phase::Serving, None),
            (Phase::Leaving, None),
            (Phase::Draining, Some("draining")),
        ] {
            assert_eq!(code(Health::Running, phase, false), refusal, "{phase:?}");
        }
    }

    #[test]
    fn a_full_queue_takes_no_film() {
        let serving = Phase::Serving;
        assert_eq!(code(Health::Running, serving, true), Some("overloaded"));
        assert_eq!(
            code(Health::Running, Phase::Draining, true),
            Some("draining")
        );
    }

    #[test]
    fn without_a_model_no_film_is_taken() {
        for phase in [Phase::Serving, Phase::Leaving, Phase::Draining] {
            assert_eq!(code(Health::Failed, phase, false), Some("engine_stopped"));
            assert_eq!(code(Health::Draining, phase, false), Some("draining"));
        }
    }
}
