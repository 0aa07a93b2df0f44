//! Decides what is known of a request while and after it runs: its id, its line in the log, and how its problem is
//! written out. Nothing that a caller sends is logged but method, route and id.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use uuid::Uuid;

use super::problem::{ApiError, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a caller.
const LONGEST_ID: usize = 64;

/// What a request is known by, to its caller and in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId(String);

impl RequestId {
    /// The caller's own id where it is short and plain, else a new one.
    fn of(request: &Request) -> Self {
        let plain = |id: &&str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(allowed)
        };
        let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(plain);
        Self(given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id is plain")
    }
}

/// Gives every request its id and its span, writes its problem out, and logs how it ended.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    let span = tracing::info_span!("request", request.id = id.as_str());
    let departure = Departure::expected(&request, span.clone());
    request.extensions_mut().insert(id.clone());
    let response = next.run(request).instrument(span).await;
    departure.averted(response, &id)
}

/// Writes a problem out. An error without one is a defect, and answered as such.
fn with_problem(response: Response, id: &RequestId) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return with_problem(ApiError::Nameless.into_response(), id);
    };
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(problem.code = problem.code, problem.cause = %problem.cause, "request failed");
    }
    let mut written = problem.write(&response, id.as_str());
    written.extensions_mut().insert(problem);
    written
}

/// A line in the log for a request, also where its caller leaves before the answer.
struct Departure {
    span: tracing::Span,
    method: Method,
    route: String,
    started: Instant,
    answered: bool,
}

impl Departure {
    fn expected(request: &Request, span: tracing::Span) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
        Self {
            span,
            method: request.method().clone(),
            route: route.to_owned(),
            started: Instant::now(),
            answered: false,
        }
    }

    fn duration_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1e3
    }

    /// The answer as it leaves, logged.
    fn averted(mut self, response: Response, id: &RequestId) -> Response {
        self.answered = true;
        let span = self.span.clone();
        let _entered = span.enter();
        let mut response = with_problem(response, id);
        response.headers_mut().insert(REQUEST_ID, id.header());
        // Whatever is said here may be said of a patient.
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        tracing::info!(
            http.method = %self.method,
            http.route = self.route,
            http.status = response.status().as_u16(),
            problem.code = response.extensions().get::<Problem>().map(|problem| problem.code),
            duration_ms = self.duration_ms(),
            "answered"
        );
        response
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        if !self.answered {
            let _entered = self.span.enter();
            tracing::info!(
                http.method = %self.method,
                http.route = self.route,
                duration_ms = self.duration_ms(),
                "caller departed"
            );
        }
    }
}
