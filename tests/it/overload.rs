//! Tests of an overloaded server: each caller gets its own mask, or is refused at once.

use std::num::NonZeroUsize;
use std::thread;

use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use lungfield_radiograph::geometry::Size;

use crate::client::Reply;
use crate::samples::{film_of, lungs, some_lungs};
use crate::server::{Server, Setup, eventually};

/// The capacity of the queue.
const CAPACITY: usize = 6;
/// Callers at the same time.
const CALLERS: usize = 10 * CAPACITY;
const ROUNDS: usize = 3;

/// Sends the film of one caller several times, and returns the responses.
fn call(server: &Server, size: Size, index: u32) -> Vec<Reply> {
    (0..ROUNDS)
        .map(|_| {
            server
                .post("/v1/segment")
                .body(film_of(&lungs(size, index)))
                .send()
        })
        .collect()
}

#[test]
fn ten_times_the_load_is_answered_or_refused_and_nothing_is_lost_doubled_or_mixed_up() {
    let mut setup = Setup::default().queue_capacity(CAPACITY);
    setup.engine.max_batch_size = NonZeroUsize::new(2).unwrap();
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    let size = some_lungs().size();
    let answers = thread::scope(|scope| {
        let callers = (0..CALLERS).map(|index| {
            let server = &server;
            let index = u32::try_from(index).unwrap();
            scope.spawn(move || (index, call(server, size, index)))
        });
        let callers: Vec<_> = callers.collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .collect::<Vec<_>>()
    });
    let mut segmented = 0;
    for (index, reply) in answers
        .iter()
        .flat_map(|(index, replies)| replies.iter().map(move |reply| (index, reply)))
    {
        if reply.status == 200 {
            assert_eq!(
                reply.mask(),
                lungs(size, *index),
                "the mask of another's film"
            );
            segmented += 1;
        } else {
            reply.assert_problem(503, "overloaded");
        }
    }
    let passes: usize = server.passes.batch_sizes().iter().sum();
    assert_eq!(
        segmented, passes,
        "every film that was segmented was answered, once"
    );
    assert!(segmented > 0);
    server.assert_still_serves();
}

#[test]
fn whoever_finds_the_queue_full_costs_no_decoder() {
    let (server, mut gate) = Server::gated(&Setup::default().queue_capacity(CAPACITY));
    let size = some_lungs().size();
    let first = server
        .post("/v1/segment")
        .body(film_of(&lungs(size, 0)))
        .start();
    assert_eq!(server.wait(gate.arrival()), Some(1));
    let ask = |index| {
        server
            .post("/v1/segment")
            .body(film_of(&lungs(size, index)))
            .start()
    };
    let waiting: Vec<_> = (1..=6).map(ask).collect();
    eventually("the queue is full", || server.queue_depth() == CAPACITY);
    // These bytes are not a film: a server that decoded them would answer 415.
    server
        .post("/v1/segment")
        .body(&b"no film"[..])
        .send()
        .assert_problem(503, "overloaded");
    drop(gate);
    for (index, call) in (0..).zip(std::iter::once(first).chain(waiting)) {
        assert_eq!(call.join().unwrap().mask(), lungs(size, index));
    }
}
