//! Observes every request: gives it its context and its span, counts it, logs how it ended, and writes its audit line.
//!
//! Of what a caller sends, only method, route and id are logged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::audit::{Outcome, Record};
use super::finish::finish;
use crate::http::App;
use crate::http::problem::{Problem, Style};
use crate::http::request::context::RequestContext;
use crate::http::request_id::RequestId;
use crate::http::routes;
use crate::metrics::RequestLabels;
use crate::telemetry;

/// Observes the requests of callers. It is the outermost middleware.
pub(crate) async fn observe(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let guard = RequestGuard::start(app, &request);
    request.extensions_mut().insert(guard.context.clone());
    let response = next.run(request).instrument(guard.span.clone()).await;
    guard.finish(response)
}

/// Writes the problems of the listener for operators, whose requests are neither logged nor counted.
pub(crate) async fn write_problems(request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    finish(next.run(request).await, &id, Style::Problem, false)
}

/// A request from the arrival of its head to its response, or to the departure of its caller.
///
/// Axum drops the future of a request whose caller has left. The guard is dropped with it, and logs that.
struct RequestGuard {
    app: Arc<App>,
    context: RequestContext,
    span: tracing::Span,
    method: &'static str,
    route: &'static str,
    style: Style,
    is_answered: bool,
}

impl RequestGuard {
    /// Counts a request, and starts its span in the trace of its caller.
    fn start(app: Arc<App>, request: &Request) -> Self {
        app.metrics.request_came();
        let context = RequestContext {
            id: RequestId::of(request),
            arrived: Instant::now(),
            record: Arc::new(Record::new(app.access.audit.as_ref())),
        };
        let route = route(request);
        let span = tracing::info_span!(
            "request",
            request.id = context.id.as_str(),
            http.route = route
        );
        telemetry::continue_trace(&span, request.headers());
        Self {
            app,
            context,
            span,
            method: method(request),
            route,
            style: style(request),
            is_answered: false,
        }
    }

    fn duration(&self) -> Duration {
        self.context.arrived.elapsed()
    }

    /// Finishes, counts and logs a response.
    fn finish(mut self, response: Response) -> Response {
        self.is_answered = true;
        let span = self.span.clone();
        let _entered = span.enter();
        let response = finish(response, &self.context.id, self.style, self.app.access.tls);
        let status = response.status().as_u16();
        let problem = response.extensions().get::<Problem>();
        let problem = problem.map(|problem| problem.code);
        let labels = RequestLabels {
            method: self.method,
            route: self.route,
            status,
        };
        let duration = self.duration();
        self.app.metrics.request_answered(labels, problem, duration);
        tracing::info!(
            http.method = self.method,
            http.route = self.route,
            http.status = status,
            problem.code = problem,
            duration_ms = milliseconds(duration),
            "answered"
        );
        self.audit(Some(status), problem);
        response
    }

    /// Writes the audit line of a request to the API. Where the log does not take it, the caller gets its response all the same, and
    /// the missing line is counted.
    fn audit(&self, status: Option<u16>, problem: Option<&str>) {
        let audit = self.app.access.audit.as_ref();
        let Some(audit) = audit.filter(|_| routes::is_api(self.route)) else {
            return;
        };
        let outcome = Outcome {
            request_id: self.context.id.as_str(),
            route: self.route,
            status,
            problem,
            duration: self.duration(),
        };
        let model = &self.app.model.identity;
        if let Err(error) = audit.write(model, &self.context.record, outcome) {
            self.app.metrics.audit_failed();
            tracing::error!(error = %error, "a line is missing from the audit log");
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        self.app.metrics.request_departed();
        let _entered = self.span.enter();
        tracing::info!(
            http.method = self.method,
            http.route = self.route,
            duration_ms = milliseconds(self.duration()),
            "caller departed"
        );
        self.audit(None, None);
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Returns the method where HTTP defines it, or `other`: what callers invent is neither counted nor logged.
fn method(request: &Request) -> &'static str {
    let known = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"];
    known
        .into_iter()
        .find(|name| request.method() == name)
        .unwrap_or("other")
}

/// Returns the pattern of the path that the request was routed by, or `unmatched`.
fn route(request: &Request) -> &'static str {
    let matched = request.extensions().get::<MatchedPath>();
    matched
        .and_then(|path| routes::known(path.as_str()))
        .unwrap_or("unmatched")
}

/// Returns how a problem is written at the path of the request.
fn style(request: &Request) -> Style {
    if routes::is_inference(request.uri().path()) {
        Style::Inference
    } else {
        Style::Problem
    }
}
