//! Tests of queries, headers, methods and paths that are refused, and of bytes that are not HTTP.

use crate::client::{Call, Raw};
use crate::samples::{film, some_lungs};
use crate::server::Server;

#[test]
fn queries_that_mean_nothing_are_refused() {
    let server = Server::echo();
    for query in [
        "threshold=nan",
        "threshold=NaN",
        "threshold=0",
        "threshold=1",
        "threshold=2",
        "threshold=-0.5",
        "threshold=inf",
        "threshold=",
        "threshold=half",
        "threshold=0.5&threshold=0.5",
        "format=jpeg",
        "format=",
        "format=JSON",
        "format=json&format=png",
        "rle=plain",
        "rle=counts&rle=counts",
        "colour=red",
        "Format=json",
        "format=%ff",
    ] {
        let reply = server
            .post(&format!("/v1/segment?{query}"))
            .body(film())
            .send();
        reply.assert_problem(400, "invalid_query");
    }
    server.assert_still_serves();
}

#[test]
fn an_accept_that_can_not_be_met_is_refused() {
    let server = Server::echo();
    for accept in [
        "text/html",
        "image/jpeg",
        "application/json;q=0",
        "image/webp, text/*",
        "nonsense",
    ] {
        let reply = server
            .post("/v1/segment")
            .header("accept", accept)
            .body(film())
            .send();
        reply.assert_problem(406, "not_acceptable");
    }
    server.assert_still_serves();
}

#[test]
fn a_wrong_method_is_told_the_right_one_and_a_wrong_path_that_there_is_none() {
    let server = Server::echo();
    for path in [
        "/v1/model",
        "/health/live",
        "/health/ready",
        "/openapi.yaml",
    ] {
        let reply = server.post(path).body(film()).send();
        reply.assert_problem(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some("GET,HEAD"), "{path}");
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let reply = Call::new(method, server.address, "/v1/segment").send();
        reply.assert_problem(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some("POST"), "{method}");
    }
    for path in [
        "/v1",
        "/v1/segment/",
        "/web/",
        "/docs/",
        "/sample",
        "/v1/segments",
        "/v3/segment",
        "/%2e%2e/etc/passwd",
        "/health",
    ] {
        server.get(path).send().assert_problem(404, "not_found");
        server
            .post(path)
            .body(film())
            .send()
            .assert_problem(404, "not_found");
    }
    server.assert_still_serves();
}

#[test]
fn a_refusal_keeps_the_connection_for_the_next_film() {
    let server = Server::echo();
    let film = film();
    let mut raw = Raw::begin(server.address, film.len(), "/v1/segment?format=no", &film);
    raw.reply().assert_problem(400, "invalid_query");
    let mut head = format!(
        "POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        film.len()
    )
    .into_bytes();
    head.extend_from_slice(&film);
    raw.write(&head);
    assert_eq!(raw.reply().mask(), some_lungs());
}

#[test]
fn what_is_not_http_ends_its_own_connection_only() {
    let server = Server::echo();
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1000));
    let lengths = "POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd";
    let length = "POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabcd";
    let chunk =
        "POST /v1/segment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnothing\r\n";
    let garbage = "\x16\x03\x01\x02\0\x01\0\x01\u{7f}\r\n\r\n";
    for request in [&long, &many, lengths, length, chunk, garbage] {
        let mut raw = Raw::connect(server.address);
        raw.write(request.as_bytes());
        let words = String::from_utf8_lossy(&raw.last_words()).into_owned();
        assert!(
            words.is_empty() || words.starts_with("HTTP/1.1 4"),
            "{words}"
        );
        server.assert_still_serves();
    }
}
