//! Decides what is known of a request while and after it runs: its id, its line in the log, and how its problem is
//! written out. Nothing that a caller sends is logged but method, route and id.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use uuid::Uuid;

use super::App;
use super::problem::{ApiError, Problem};
use super::router::ROUTES;
use crate::metrics::RequestLabels;

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
pub(super) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    let span = tracing::info_span!("request", request.id = id.as_str());
    let departure = Departure::expected(app, &request, span.clone());
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

/// The method, where HTTP knows it: what callers make up is neither counted nor logged.
fn method(request: &Request) -> &'static str {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::PUT, Method::DELETE, Method::PATCH];
    let names = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"];
    let known = known.iter().zip(names).find(|(method, _)| *method == request.method());
    known.map_or("other", |(_, name)| name)
}

/// The pattern of the path that the request has come to.
fn route(request: &Request) -> &'static str {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let known = ROUTES.iter().find(|(_, path)| Some(*path) == matched);
    known.map_or("unmatched", |(_, path)| path)
}

/// A line in the log for a request, also where its caller leaves before the answer.
struct Departure {
    app: Arc<App>,
    span: tracing::Span,
    method: &'static str,
    route: &'static str,
    started: Instant,
    answered: bool,
}

impl Departure {
    fn expected(app: Arc<App>, request: &Request, span: tracing::Span) -> Self {
        app.metrics.request_came();
        Self {
            app,
            span,
            method: method(request),
            route: route(request),
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
        let status = response.status().as_u16();
        let problem = response.extensions().get::<Problem>().map(|problem| problem.code);
        let labels = RequestLabels { method: self.method, route: self.route, status };
        self.app.metrics.request_answered(labels, problem, self.started.elapsed());
        tracing::info!(
            http.method = self.method,
            http.route = self.route,
            http.status = status,
            problem.code = problem,
            duration_ms = self.duration_ms(),
            "answered"
        );
        response
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        if !self.answered {
            self.app.metrics.request_departed();
            let _entered = self.span.enter();
            tracing::info!(
                http.method = self.method,
                http.route = self.route,
                duration_ms = self.duration_ms(),
                "caller departed"
            );
        }
    }
}
