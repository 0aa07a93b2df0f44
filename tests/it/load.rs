//! Tests of a server with a full queue or spent budgets, of callers that leave, of deadlines, and of models that fail.

use std::num::NonZeroUsize;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use lungfield::http::router;
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use tower::ServiceExt;

use crate::client::Raw;
use crate::samples::{film, film_of, film_of_length, lungs, some_lungs};
use crate::server::{Full, Server, Setup, budget, eventually};

#[test]
fn a_full_queue_refuses_before_the_body_is_sent() {
    let full = Server::full();
    let mut silent = Raw::begin(full.server.address, 1000, "/v1/segment", b"");
    silent.reply().assert_problem(503, "overloaded");

    // A caller that sends `Expect: 100-continue` gets the refusal instead of 100.
    Raw::ask_first(full.server.address, 1000)
        .reply()
        .assert_problem(503, "overloaded");

    full.server
        .post("/v1/segment")
        .body(film())
        .send()
        .assert_problem(503, "overloaded");
    // A full queue does not make the server unready.
    assert_eq!(full.server.get("/health/ready").send().status, 200);
    full.assert_recovers();
}

#[test]
fn whoever_asks_first_is_told_to_go_on_where_there_is_room() {
    let server = Server::echo();
    let film = film();
    let mut raw = Raw::ask_first(server.address, film.len());
    assert_eq!(raw.reply().status, 100);
    raw.write(&film);
    assert_eq!(raw.reply().mask(), some_lungs());
}

#[test]
fn bodies_beyond_the_byte_budget_are_refused_until_it_is_given_back() {
    let mut setup = Setup::default();
    setup.http.byte_budget = budget(100_000);
    let (server, mut gate) = Server::gated(&setup);
    // An overlay is drawn on the film, so the request holds its bytes while it waits for the model.
    let held = server
        .post("/v1/segment?format=overlay")
        .body(film_of_length(60_000))
        .start();
    assert_eq!(server.wait(gate.arrival()), Some(1));
    for refused in [
        server.post("/v1/segment"),
        server.post("/v1/segment").chunked(),
    ] {
        refused
            .body(film_of_length(60_000))
            .send()
            .assert_problem(503, "byte_budget_spent");
    }
    let large = film_of_length(60_000);
    let form = server.post("/v1/segment").form(&[("image", &large)]).send();
    form.assert_problem(503, "byte_budget_spent");

    drop(gate);
    assert_eq!(held.join().unwrap().status, 200);
    assert_eq!(
        server
            .post("/v1/segment")
            .body(film_of_length(100_000))
            .send()
            .mask(),
        some_lungs()
    );
}

#[test]
fn films_whose_bytes_are_not_needed_again_wait_without_them() {
    let mut setup = Setup::default();
    setup.http.byte_budget = budget(100_000);
    let (server, mut gate) = Server::gated(&setup);
    let calls = (0..4).map(|waiting| {
        let call = server
            .post("/v1/segment")
            .body(film_of_length(90_000))
            .start();
        match waiting {
            0 => assert_eq!(server.wait(gate.arrival()), Some(1)),
            _ => eventually("the film waits for the model", || {
                server.queue_depth() == waiting
            }),
        }
        call
    });
    let calls: Vec<_> = calls.collect();
    drop(gate);
    for call in calls {
        assert_eq!(call.join().unwrap().mask(), some_lungs());
    }
}

#[test]
fn what_a_stalled_sender_has_sent_counts_until_it_leaves() {
    let mut setup = Setup::default();
    setup.http.byte_budget = budget(100_000);
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    let ask = || {
        server
            .post("/v1/segment")
            .body(film_of_length(60_000))
            .send()
    };
    let mut stalled = None;
    // Of two bodies that arrive at the same time, either may find the budget spent: then the loop starts again.
    eventually("what was sent is charged", || {
        drop(stalled.take());
        stalled = Some(Raw::begin(
            server.address,
            90_000,
            "/v1/segment",
            &film_of_length(60_000),
        ));
        (0..3).all(|_| ask().status == 503)
    });
    ask().assert_problem(503, "byte_budget_spent");
    drop(stalled);
    eventually("what was sent is given back", || ask().status == 200);
}

#[test]
fn a_film_whose_deadline_passes_is_answered_and_never_run() {
    let mut setup = Setup::default();
    setup.http.request_timeout = Duration::from_millis(500);
    let (server, mut gate) = Server::gated(&setup);
    let running = server.post("/v1/segment").body(film()).start();
    assert_eq!(server.wait(gate.arrival()), Some(1));
    let waiting = server.post("/v1/segment").body(film()).send();
    waiting.assert_problem(504, "deadline_exceeded");
    running
        .join()
        .unwrap()
        .assert_problem(504, "deadline_exceeded");

    drop(gate);
    eventually("the server answers in time again", || {
        server.post("/v1/segment").body(film()).send().status == 200
    });
    let counts = server.app.pipeline().engine().counts();
    // The job that waited is skipped when the next batch is formed, or before.
    assert_eq!(counts.departed + counts.expired, 1, "{counts:?}");
    assert_eq!(counts.jobs, server.passes.batch_sizes().len() as u64);
}

#[test]
fn a_film_whose_caller_left_costs_no_forward_pass() {
    let (server, gate, staying) = Server::left_by_one(&Setup::default().queue_capacity(1));
    // A full queue has room again once a caller in it has left.
    eventually("the departure is seen", || {
        !server.app.pipeline().engine().is_full()
    });
    drop(gate);
    assert_eq!(staying.join().unwrap().mask(), some_lungs());
    server.assert_still_serves();
    assert_eq!(server.passes.batch_sizes(), [1, 1]);
    assert_eq!(server.app.pipeline().engine().counts().departed, 1);
}

#[test]
fn sixty_four_films_at_a_time_each_get_their_own_mask() {
    let (server, mut gate) = Server::gated(&Setup::default());
    let size = some_lungs().size();
    let ask = |index| {
        server
            .post("/v1/segment")
            .body(film_of(&lungs(size, index)))
            .start()
    };
    let first = ask(0);
    assert_eq!(server.wait(gate.arrival()), Some(1));
    let calls: Vec<_> = std::iter::once(first).chain((1..64).map(ask)).collect();
    eventually("all others wait for the model", || {
        server.queue_depth() == 63
    });
    drop(gate);
    for (index, call) in (0..).zip(calls) {
        assert_eq!(call.join().unwrap().mask(), lungs(size, index), "{index}");
    }
    assert_eq!(server.passes.batch_sizes(), [1, 8, 8, 8, 8, 8, 8, 8, 7]);
}

#[test]
fn a_film_that_the_model_fails_on_is_answered_without_the_cause() {
    let server = Server::start(
        FakeSegmenter::new(Behaviour::FailFirst(2)),
        &Setup::default(),
    );
    let reply = server.post("/v1/segment").body(film()).send();
    reply.assert_problem(500, "internal");
    assert!(
        !String::from_utf8_lossy(&reply.body).contains("fake"),
        "{reply:?}"
    );
    server.assert_still_serves();
}

#[test]
fn a_device_out_of_memory_sends_its_callers_away_for_a_while() {
    let server = Server::start(
        FakeSegmenter::new(Behaviour::OutOfMemoryAbove(0)),
        &Setup::default(),
    );
    server
        .post("/v1/segment")
        .body(film())
        .send()
        .assert_problem(503, "out_of_memory");
    assert_eq!(server.get("/health/ready").send().status, 200);
}

#[test]
fn a_lost_model_ends_the_server_once_its_callers_are_answered() {
    for behaviour in [Behaviour::Fatal, Behaviour::Panic] {
        let (segmenter, mut gate) = FakeSegmenter::new(behaviour).gated();
        let mut setup = Setup::default();
        setup.engine.max_batch_size = NonZeroUsize::new(1).unwrap();
        let mut server = Server::start(segmenter, &setup);
        let running = server.post("/v1/segment").body(film()).start();
        assert_eq!(server.wait(gate.arrival()), Some(1));
        let waiting = server.post("/v1/segment").body(film()).start();
        eventually("the film waits for the model", || server.queue_depth() == 1);
        gate.let_one_through();
        for call in [running, waiting] {
            call.join().unwrap().assert_problem(503, "engine_stopped");
        }
        assert!(
            server.outcome().is_err(),
            "the process ends with a non-zero code"
        );
        assert_eq!(
            call_app(&server, "GET", "/health/live"),
            (200, "live".to_owned())
        );
        assert_eq!(
            call_app(&server, "GET", "/health/ready"),
            (503, "engine_stopped".to_owned())
        );
        assert_eq!(
            call_app(&server, "POST", "/v1/segment"),
            (503, "engine_stopped".to_owned())
        );
    }
}

/// Sends a request to the application of a server that has closed its listener. Returns the HTTP status, and the code of
/// the problem or else the field `status`.
fn call_app(server: &Server, method: &str, path: &str) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::empty())
        .unwrap();
    let response = server
        .wait(router(server.app.clone()).oneshot(request))
        .unwrap();
    let status = response.status().as_u16();
    let body = server
        .wait(response.into_body().collect())
        .unwrap()
        .to_bytes();
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let text = answer.get("code").unwrap_or(&answer["status"]);
    (status, text.as_str().unwrap().to_owned())
}

#[test]
fn a_connection_that_does_not_come_to_its_request_is_closed() {
    let mut setup = Setup::default();
    setup.listen.header_timeout = Duration::from_millis(300);
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    for begun in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "GET /health/live HTTP/1.1\r\nHost: x\r\n",
    ] {
        let mut raw = Raw::connect(server.address);
        raw.write(begun.as_bytes());
        raw.last_words();
    }
    // A connection that is idle between two requests is closed too.
    let mut raw = Raw::connect(server.address);
    raw.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(raw.reply().status, 200);
    assert!(raw.last_words().is_empty());
}

#[test]
fn connections_beyond_the_most_wait_for_their_turn() {
    let mut setup = Setup::default();
    setup.listen.max_connections = NonZeroUsize::MIN;
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    let mut first = Raw::connect(server.address);
    first.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(first.reply().status, 200);
    let next = server.post("/v1/segment").body(film()).start();
    first.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(first.reply().status, 200);
    assert_eq!(next.join().unwrap().mask(), some_lungs());
}

#[test]
fn a_full_server_serves_on_once_the_model_is_free() {
    let Full {
        server,
        gate,
        waiting,
    } = Server::full();
    for _caller in 0..10 {
        server
            .post("/v1/segment")
            .body(film())
            .send()
            .assert_problem(503, "overloaded");
    }
    Full {
        server,
        gate,
        waiting,
    }
    .assert_recovers();
}
