//! The last steps of a response: its problem is written, and headers are added.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::headers::REQUEST_ID;
use crate::http::problem::{ApiError, Problem, Style};
use crate::http::request_id::RequestId;

/// Writes the problem of a response, and adds the id of its request and the headers that restrict browsers and caches. `tls` says
/// whether the server speaks only TLS.
pub(crate) fn finish(response: Response, id: &RequestId, style: Style, tls: bool) -> Response {
    let mut response = with_problem(response, id, style);
    response.headers_mut().insert(REQUEST_ID, id.header());
    restrict(response.headers_mut(), tls);
    response
}

/// Tells browsers and caches what not to do with a response.
fn restrict(headers: &mut HeaderMap, tls: bool) {
    // Any response may contain something about a patient.
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
        let one_year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, one_year);
    }
}

/// Writes the problem of an error response. An error without a problem is a defect, and is answered as one.
fn with_problem(response: Response, id: &RequestId, style: Style) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return with_problem(ApiError::NoProblem.into_response(), id, style);
    };
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(problem.code = problem.code, problem.cause = %problem.cause, "request failed");
    }
    let mut written = problem.write(&response, id.as_str(), style);
    written.extensions_mut().insert(problem);
    written
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;

    use super::*;

    #[test]
    fn an_error_without_a_problem_is_a_500_with_one() {
        let id = RequestId::of(&Request::new(Body::empty()));
        let response = StatusCode::NOT_FOUND.into_response();
        let finished = finish(response, &id, Style::Problem, false);
        assert_eq!(finished.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(
            finished.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(finished.headers()[REQUEST_ID], id.as_str());
    }

    #[test]
    fn a_page_keeps_its_own_policy() {
        let mut response = "page".into_response();
        let policy = HeaderValue::from_static("default-src 'self'");
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        let id = RequestId::of(&Request::new(Body::empty()));
        let finished = finish(response, &id, Style::Problem, true);
        assert_eq!(finished.headers()[header::CONTENT_SECURITY_POLICY], policy);
        assert!(
            finished
                .headers()
                .contains_key(header::STRICT_TRANSPORT_SECURITY)
        );
    }
}
