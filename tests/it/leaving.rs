//! Tests of a drain: the server is unready first, then closes its listener, and ends when every film is answered.

use std::net::TcpStream;
use std::time::Duration;

use lungfield::http::Phase;
use lungfield_engine::fake::{Behaviour, FakeSegmenter};

use crate::client::Raw;
use crate::samples::{film, film_of, lungs, some_lungs};
use crate::server::{Server, Setup, eventually};

/// Long enough for the requests that the test sends during it.
const DRAIN_DELAY: Duration = Duration::from_secs(3);

/// Asserts that the listener is closed. A program that another test starts at this moment may hold it for a short time.
#[track_caller]
fn assert_closed(server: &Server) {
    eventually("the listener is closed", || {
        TcpStream::connect(server.address).is_err()
    });
}

#[test]
fn a_server_that_leaves_is_not_ready_but_serves_until_its_delay_is_over() {
    let mut setup = Setup::default();
    setup.listen.drain_delay = DRAIN_DELAY;
    let mut server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    server.assert_still_serves();
    server.leave();
    server.reaches(Phase::Leaving);
    server
        .get("/health/ready")
        .send()
        .assert_problem(503, "draining");
    assert_eq!(server.get("/health/live").send().status, 200);
    assert_eq!(
        server.post("/v1/segment").body(film()).send().mask(),
        some_lungs()
    );

    server.reaches(Phase::Draining);
    assert_closed(&server);
    server.outcome().unwrap();
}

#[test]
fn films_in_flight_are_answered_before_the_server_ends() {
    let (mut server, mut gate) = Server::gated(&Setup::default());
    let size = some_lungs().size();
    let running = server
        .post("/v1/segment")
        .body(film_of(&lungs(size, 1)))
        .start();
    assert_eq!(server.wait(gate.arrival()), Some(1));
    let waiting = server
        .post("/v1/segment")
        .body(film_of(&lungs(size, 2)))
        .start();
    eventually("the film waits for the model", || server.queue_depth() == 1);

    server.leave();
    server.reaches(Phase::Draining);
    assert_closed(&server);
    gate.let_one_through();
    assert_eq!(running.join().unwrap().mask(), lungs(size, 1));
    assert_eq!(server.wait(gate.arrival()), Some(1));
    gate.let_one_through();
    assert_eq!(waiting.join().unwrap().mask(), lungs(size, 2));
    server.outcome().unwrap();
}

#[test]
fn a_film_that_was_on_its_way_when_the_server_left_is_answered() {
    let mut server = Server::echo();
    let film = film();
    let mut raw = Raw::ask_first(server.address, film.len());
    assert_eq!(raw.reply().status, 100); // the request was admitted
    raw.write(&film[..film.len() / 2]);
    server.leave();
    server.reaches(Phase::Draining);
    raw.write(&film[film.len() / 2..]);
    assert_eq!(raw.reply().mask(), some_lungs());
    assert!(raw.last_words().is_empty());
    server.outcome().unwrap();
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let mut server = Server::echo();
    let mut idle = Raw::connect(server.address);
    idle.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(idle.reply().status, 200);
    let mut silent = Raw::connect(server.address);
    server.assert_still_serves();
    server.leave();
    server.outcome().unwrap();
    assert!(idle.last_words().is_empty());
    assert!(silent.last_words().is_empty());
}

#[test]
fn a_film_that_takes_too_long_does_not_hold_up_the_end() {
    let mut setup = Setup::default();
    setup.listen.drain_timeout = Duration::from_millis(200);
    let (mut server, mut gate) = Server::gated(&setup);
    let film = film();
    let _hanging = Raw::begin(server.address, film.len(), "/v1/segment", &film);
    assert_eq!(server.wait(gate.arrival()), Some(1));
    server.leave();
    server.outcome().unwrap();
}

#[test]
fn a_server_that_nobody_asks_to_leave_stays() {
    let server = Server::echo();
    server.assert_still_serves();
    drop(server.app.clone());
    server.assert_still_serves();
}
