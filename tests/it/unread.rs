//! Tests of callers that do not read their responses: responses have a budget, and unread ones are dropped.

use std::time::{Duration, Instant};

use lungfield_codec::rendering::Rendering;
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use lungfield_engine::pipeline::{Film, PipelineError, SegmentOptions};
use lungfield_radiograph::geometry::Size;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::client::{Raw, TEST_TIMEOUT};
use crate::samples::{film, film_of, mask, some_lungs};
use crate::server::{Server, Setup, budget};

/// Encodes a film of noise, whose overlay is larger than the socket buffers of the system.
fn large_film() -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let size = Size::square(3500).unwrap();
    let greys = (0..size.pixels()).map(|_| random.random()).collect();
    let film = lungfield_radiograph::radiograph::Radiograph::new(
        size,
        lungfield_radiograph::radiograph::Pixels::Eight(greys),
        None,
    );
    lungfield_codec::png::encode_radiograph(&film.unwrap())
}

#[test]
fn an_answer_that_nobody_reads_is_given_up_and_keeps_nobody_from_his_own() {
    let film = large_film();
    let mut setup = Setup::default();
    setup.http.max_body_bytes = 64 << 20;
    setup.http.answer_budget = budget(1 << 20);
    setup.http.write_timeout = Duration::from_secs(2);
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    let mut unread = Raw::begin(
        server.address,
        film.len(),
        "/v1/segment?format=overlay",
        &film,
    );

    // The large response takes the whole budget, so that even a small one is refused.
    let deadline = Instant::now() + TEST_TIMEOUT;
    let small = || {
        server
            .post("/v1/segment")
            .body(crate::samples::film())
            .send()
    };
    while small().status == 200 {
        assert!(
            Instant::now() < deadline,
            "the large response never took the budget"
        );
    }
    small().assert_problem(503, "byte_budget_spent");
    while small().status != 200 {
        assert!(
            Instant::now() < deadline,
            "the large response was never dropped"
        );
    }
    // The caller reads what the system had buffered of the response, then the end of the connection.
    assert!(unread.last_words().len() < film.len());
}

#[test]
fn a_reference_mask_too_fine_to_be_given_back_is_not() {
    let server = Server::echo();
    let size = Size::square(1500).unwrap();
    let (lungs, fine) = (
        film_of(&mask(size, |x, _| x < 500)),
        film_of(&mask(size, |x, y| (x + y) % 2 == 0)),
    );
    let ask = |query: &str| {
        let call = server.post(&format!("/v1/segment?{query}"));
        call.form(&[("image", &lungs), ("ground_truth", &fine)])
            .send()
    };
    ask("reference=echo").assert_problem(422, "reference_too_fine");
    assert!(ask("").segmented()["dice"].as_f64().is_some());
}

#[test]
fn a_film_to_look_at_takes_a_place_in_the_queue() {
    let server = Server::start(
        FakeSegmenter::new(Behaviour::Echo),
        &Setup::default().queue_capacity(1),
    );
    let pipeline = server.app.pipeline();
    let show = || {
        let film = Film {
            image: bytes::Bytes::from(film()).into(),
            reference: None,
        };
        let options = SegmentOptions::by(Instant::now() + TEST_TIMEOUT);
        server.wait(pipeline.render(film, Rendering::Film, options))
    };
    let place = pipeline.engine().reserve().unwrap();
    assert!(matches!(show(), Err(PipelineError::Engine(_))));
    drop(place);
    let shown = crate::samples::Picture::read(&show().unwrap().encoded.into_file().bytes);
    assert_eq!(shown.mask(), some_lungs());
}
