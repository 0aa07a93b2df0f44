//! Tests of what browsers are told: origins that may use the API, and headers that restrict pages.

use lungfield::http::Access;
use lungfield_engine::fake::{Behaviour, FakeSegmenter};

use crate::client::Call;
use crate::samples::film;
use crate::server::{Server, Setup};

#[test]
fn pages_of_other_origins_are_let_in_by_name_alone() {
    let access = Access {
        origins: vec!["https://viewer.example".parse().unwrap()],
        ..Access::default()
    };
    let server = Server::guarded(
        FakeSegmenter::new(Behaviour::Echo),
        &Setup::default(),
        access,
    );
    let asked = |server: &Server, origin: &str| {
        let ask = Call::new("OPTIONS", server.address, "/v1/segment").header("origin", origin);
        let ask = ask.header("access-control-request-method", "POST");
        ask.header(
            "access-control-request-headers",
            "content-type,lungfield-timeout-ms",
        )
        .send()
    };
    let allowed = asked(&server, "https://viewer.example");
    assert_eq!(allowed.status, 200);
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("https://viewer.example")
    );
    assert!(
        allowed
            .header("access-control-allow-headers")
            .unwrap()
            .contains("lungfield-timeout-ms")
    );
    for other in [
        "https://viewer.example.evil",
        "http://viewer.example",
        "null",
    ] {
        assert_eq!(
            asked(&server, other).header("access-control-allow-origin"),
            None,
            "{other}"
        );
    }
    // Problems are for the page to read as well.
    let call = server
        .post("/v1/segment")
        .header("origin", "https://viewer.example");
    let reply = call.send();
    reply.assert_problem(400, "empty_body");
    assert_eq!(
        reply.header("access-control-allow-origin"),
        Some("https://viewer.example")
    );
    assert!(
        reply
            .header("access-control-expose-headers")
            .unwrap()
            .contains("lungfield-dice")
    );
}

#[test]
fn without_origins_browsers_are_told_nothing() {
    let server = Server::echo();
    let ask = Call::new("OPTIONS", server.address, "/v1/segment")
        .header("origin", "https://viewer.example");
    let reply = ask.header("access-control-request-method", "POST").send();
    reply.assert_problem(405, "method_not_allowed");
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[test]
fn every_answer_says_what_browsers_must_not_do_with_it() {
    let server = Server::echo();
    let answers = ["/health/live", "/openapi.yaml", "/nothing"].map(|path| server.get(path).send());
    for reply in answers
        .into_iter()
        .chain([server.post("/v1/segment").body(film()).send()])
    {
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(
            reply.header("content-security-policy"),
            Some("default-src 'none'; frame-ancestors 'none'")
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(
            reply.header("strict-transport-security"),
            None,
            "there is no TLS"
        );
    }
}
