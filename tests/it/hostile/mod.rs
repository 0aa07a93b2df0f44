//! Tests that no file does harm: one that declares much, or unpacks to much, is answered soon, and the server continues to serve.

mod bombs;
mod forms;
mod images;
mod memory;
mod rle;
mod tiff;

use std::time::{Duration, Instant};

use lungfield_engine::fake::{Behaviour, FakeSegmenter};

use crate::client::Reply;
use crate::samples::picture_png;
use crate::server::{Server, Setup, budget};

/// Half of the default deadline of a request, since other tests keep the machine busy.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// The length that compressed data unpack to.
const UNPACKED_BYTES: u32 = 1 << 28;

/// Starts a server that takes larger bodies than the servers of other tests.
fn large_server() -> Server {
    let mut setup = Setup::default();
    setup.http.max_body_bytes = 64 << 20;
    setup.http.byte_budget = budget(128 << 20);
    Server::start(FakeSegmenter::new(Behaviour::Echo), &setup)
}

/// Runs `work`, and asserts that it ends within the time limit.
#[track_caller]
fn in_time<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    let taken = started.elapsed();
    assert!(taken < TIME_LIMIT, "{what} took {taken:?}");
    result
}

/// Status and code of a refusal; `None` if the film is segmented.
type Outcome = Option<(u16, &'static str)>;

const UNDECODABLE: Outcome = Some((422, "undecodable_image"));

const TOO_MANY_PIXELS: Outcome = Some((413, "too_many_pixels"));

#[track_caller]
fn assert_outcome(reply: &Reply, outcome: Outcome) {
    match outcome {
        None => drop(reply.segmented()),
        Some((status, code)) => reply.assert_problem(status, code),
    }
}

/// Sends each file as a film, then as a reference mask, and asserts the responses.
#[track_caller]
fn assert_outcomes(files: impl IntoIterator<Item = (&'static str, Vec<u8>, Outcome)>) {
    let server = large_server();
    let film = picture_png();
    for (what, file, outcome) in files {
        let reply = in_time(what, || {
            server.post("/v1/segment").body(file.as_slice()).send()
        });
        assert_outcome(&reply, outcome);
        let form = [
            ("image", film.as_slice()),
            ("ground_truth", file.as_slice()),
        ];
        let reply = in_time(what, || server.post("/v1/segment").form(&form).send());
        assert_outcome(&reply, outcome.and(Some((422, "undecodable_reference"))));
        server.assert_still_serves();
    }
}
