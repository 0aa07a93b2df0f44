//! Tests of bodies that are too long, break off or stall.

use std::time::Duration;

use lungfield_engine::fake::{Behaviour, FakeSegmenter};

use crate::client::Raw;
use crate::samples::{film, film_of_length, some_lungs};
use crate::server::{MAX_BODY_BYTES, Server, Setup};

fn server_with_short_body_timeout() -> Server {
    let mut setup = Setup::default();
    setup.http.body_timeout = Duration::from_millis(300);
    Server::start(FakeSegmenter::new(Behaviour::Echo), &setup)
}

#[test]
fn a_body_over_the_limit_is_refused_whether_or_not_it_says_its_length() {
    let server = Server::echo();
    let limit = usize::try_from(MAX_BODY_BYTES).unwrap();
    assert_eq!(
        server
            .post("/v1/segment")
            .body(film_of_length(limit))
            .send()
            .mask(),
        some_lungs()
    );
    let large = film_of_length(limit + 1);
    server
        .post("/v1/segment")
        .body(large.as_slice())
        .send()
        .assert_problem(413, "body_too_large");
    server
        .post("/v1/segment")
        .body(large.as_slice())
        .chunked()
        .send()
        .assert_problem(413, "body_too_large");
    let form = [("image", large.as_slice())];
    server
        .post("/v1/segment")
        .form(&form)
        .send()
        .assert_problem(413, "body_too_large");
    server
        .post("/v1/segment")
        .form(&form)
        .chunked()
        .send()
        .assert_problem(413, "body_too_large");

    // A body that announces its length is refused before any of it is sent.
    let mut raw = Raw::begin(server.address, limit + 1, "/v1/segment", b"");
    raw.reply().assert_problem(413, "body_too_large");
    server.assert_still_serves();
}

#[test]
fn a_sender_that_leaves_half_way_harms_nobody() {
    let server = Server::echo();
    let film = film();
    for _sender in 0..20 {
        drop(Raw::begin(
            server.address,
            film.len(),
            "/v1/segment",
            &film[..film.len() / 2],
        ));
    }
    let mut early = Raw::begin(
        server.address,
        film.len(),
        "/v1/segment",
        &film[..film.len() / 2],
    );
    early.finish();
    let words = String::from_utf8(early.last_words()).unwrap();
    assert!(
        words.is_empty() || words.contains("incomplete_body"),
        "{words}"
    );
    server.assert_still_serves();
}

#[test]
fn a_sender_that_stops_half_way_is_told_that_it_took_too_long() {
    let server = server_with_short_body_timeout();
    let film = film();
    let mut raw = Raw::begin(
        server.address,
        film.len(),
        "/v1/segment",
        &film[..film.len() / 2],
    );
    raw.reply().assert_problem(408, "body_timeout");

    let mut form = Raw::connect(server.address);
    form.write(b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
    form.write(b"Content-Type: multipart/form-data; boundary=x\r\n\r\n3\r\n--x\r\n");
    form.reply().assert_problem(408, "body_timeout");
    server.assert_still_serves();
}
