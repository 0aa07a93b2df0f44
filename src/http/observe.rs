//! Decides what is known of a request while and after it runs: its id, its line in the log, and how its problem is
//! written out. Nothing that a caller sends is logged but method, route and id.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::App;
use super::audit::{Outcome, Record};
use super::headers::REQUEST_ID;
use super::problem::{ApiError, Problem, Style};
use super::request_id::RequestId;
use super::routes;
use crate::metrics::RequestLabels;
use crate::telemetry;

/// Gives every request its id and its span, writes its problem out, and logs how it ended.
pub(super) async fn observe(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(&request);
    let span = tracing::info_span!(
        "request",
        request.id = id.as_str(),
        http.route = route(&request)
    );
    telemetry::continue_trace(&span, request.headers());
    let departure = Departure::expected(app, &request, id.clone(), span.clone());
    request.extensions_mut().insert(id.clone());
    request
        .extensions_mut()
        .insert(Arc::clone(&departure.record));
    let response = next.run(request).instrument(span).await;
    departure.averted(response)
}

/// Writes the problems of the operators' listener out, whose requests are neither logged nor counted.
pub(super) async fn write_problems(request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    finished(next.run(request).await, (&id, Style::Problem), false)
}

/// An answer as it leaves: its problem written out, with its request's id.
fn finished(response: Response, (id, style): (&RequestId, Style), tls: bool) -> Response {
    let mut response = with_problem(response, id, style);
    response.headers_mut().insert(REQUEST_ID, id.header());
    protect(response.headers_mut(), tls);
    response
}

/// What browsers and caches must not do with an answer.
fn protect(headers: &mut HeaderMap, tls: bool) {
    // Whatever is said here may be said of a patient.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(policy);
    if tls {
        let always = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, always);
    }
}

/// Writes a problem out. An error without one is a defect, and answered as such.
fn with_problem(response: Response, id: &RequestId, style: Style) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return with_problem(ApiError::Nameless.into_response(), id, style);
    };
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(problem.code = problem.code, problem.cause = %problem.cause, "request failed");
    }
    let mut written = problem.write(&response, id.as_str(), style);
    written.extensions_mut().insert(problem);
    written
}

/// The method, where HTTP knows it: what callers make up is neither counted nor logged.
fn method(request: &Request) -> &'static str {
    let known = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"];
    known
        .into_iter()
        .find(|name| request.method() == name)
        .unwrap_or("other")
}

/// The pattern of the path that the request has come to.
fn route(request: &Request) -> &'static str {
    let matched = request.extensions().get::<MatchedPath>();
    matched
        .and_then(|path| routes::known(path.as_str()))
        .unwrap_or("unmatched")
}

/// How the problem of a request is written: as the protocol of its path has it.
fn style(request: &Request) -> Style {
    if routes::is_inference(request.uri().path()) {
        Style::Inference
    } else {
        Style::Problem
    }
}

/// A line in the log for a request, also where its caller leaves before the answer.
struct Departure {
    app: Arc<App>,
    id: RequestId,
    record: Arc<Record>,
    span: tracing::Span,
    method: &'static str,
    route: &'static str,
    style: Style,
    started: Instant,
    answered: bool,
}

impl Departure {
    fn expected(app: Arc<App>, request: &Request, id: RequestId, span: tracing::Span) -> Self {
        app.metrics.request_came();
        let record = Arc::new(Record::new(app.access.audit.as_ref()));
        Self {
            app,
            id,
            record,
            span,
            method: method(request),
            route: route(request),
            style: style(request),
            started: Instant::now(),
            answered: false,
        }
    }

    fn duration_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1e3
    }

    /// The answer as it leaves, logged.
    fn averted(mut self, response: Response) -> Response {
        self.answered = true;
        let span = self.span.clone();
        let _entered = span.enter();
        let response = finished(response, (&self.id, self.style), self.app.access.tls);
        let status = response.status().as_u16();
        let problem = response
            .extensions()
            .get::<Problem>()
            .map(|problem| problem.code);
        let labels = RequestLabels {
            method: self.method,
            route: self.route,
            status,
        };
        self.app
            .metrics
            .request_answered(labels, problem, self.started.elapsed());
        tracing::info!(
            http.method = self.method,
            http.route = self.route,
            http.status = status,
            problem.code = problem,
            duration_ms = self.duration_ms(),
            "answered"
        );
        self.account(Some(status), problem);
        response
    }

    /// Writes the audit line of a request to the API. A log that takes no line is told of, and keeps nobody from his answer: what
    /// it misses is counted.
    fn account(&self, status: Option<u16>, problem: Option<&str>) {
        let Some(audit) = self
            .app
            .access
            .audit
            .as_ref()
            .filter(|_| routes::is_api(self.route))
        else {
            return;
        };
        let outcome = Outcome {
            request_id: self.id.as_str(),
            route: self.route,
            status,
            problem,
            took: self.started.elapsed(),
        };
        if let Err(error) = audit.write(&self.app.model.identity, &self.record, outcome) {
            self.app.metrics.audit_failed();
            tracing::error!(error = %error, "a line is missing from the audit log");
        }
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
            self.account(None, None);
        }
    }
}
