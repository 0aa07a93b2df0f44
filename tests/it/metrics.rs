//! Decides what operators can see of a server that runs.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use lungfield::http::operator_router;
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use tower::ServiceExt;

use crate::client::Call;
use crate::samples::{film, film_of, lungs, some_lungs};
use crate::server::{Full, Server, Setup, eventually};

/// What a server tells its operators.
fn told(server: &Server) -> String {
    let request = Request::builder()
        .uri("/metrics")
        .body(Body::empty())
        .unwrap();
    let response = server
        .wait(operator_router(server.app.clone()).oneshot(request))
        .unwrap();
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let body = server
        .wait(response.into_body().collect())
        .unwrap()
        .to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// The value of a series, 0 where there is none.
fn value(text: &str, series: &str) -> f64 {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().unwrap())
}

#[track_caller]
fn assert_told(server: &Server, expected: &[(&str, f64)]) {
    let text = told(server);
    for &(series, expected) in expected {
        assert_eq!(
            value(&text, series).to_bits(),
            expected.to_bits(),
            "{series} in\n{text}"
        );
    }
}

#[test]
fn a_film_is_counted_and_timed_at_every_step() {
    let server = Server::echo();
    server
        .post("/v1/segment")
        .form(&[("image", &film()), ("ground_truth", &film())])
        .send()
        .segmented();
    server
        .post("/v1/segment")
        .body(&b"no film"[..])
        .send()
        .assert_problem(415, "unrecognised_image");
    Call::new("BREW", server.address, "/coffee/Mustermann")
        .send()
        .assert_problem(404, "not_found");
    let request = "lungfield_http_request_duration_seconds_count";
    assert_told(
        &server,
        &[
            (
                &format!("{request}{{method=\"POST\",route=\"/v1/segment\",status=\"200\"}}"),
                1.0,
            ),
            (
                &format!("{request}{{method=\"POST\",route=\"/v1/segment\",status=\"415\"}}"),
                1.0,
            ),
            (
                &format!("{request}{{method=\"other\",route=\"unmatched\",status=\"404\"}}"),
                1.0,
            ),
            ("lungfield_problems_total{code=\"unrecognised_image\"}", 1.0),
            ("lungfield_decode_seconds_count", 1.0),
            ("lungfield_queue_wait_seconds_count", 1.0),
            ("lungfield_infer_seconds_count", 1.0),
            ("lungfield_encode_seconds_count", 1.0),
            ("lungfield_batch_size_count", 1.0),
            ("lungfield_batch_size_bucket{le=\"1.0\"}", 1.0),
            ("lungfield_batches_total{cause=\"device_free\"}", 1.0),
            ("lungfield_dice_count", 1.0),
            ("lungfield_lung_area_ratio_count", 1.0),
            ("lungfield_http_requests_in_flight", 0.0),
            ("lungfield_queue_capacity", 64.0),
            ("lungfield_ready", 1.0),
        ],
    );
    let text = told(&server);
    assert!(
        text.contains("lungfield_model_info{name=\"") && text.ends_with("# EOF\n"),
        "{text}"
    );
    assert!(
        !text.contains("Mustermann"),
        "no label holds what a caller made up"
    );
    assert!(value(&text, "process_resident_memory_bytes") > 1e6);
}

#[test]
fn what_is_turned_away_and_who_waits_is_seen() {
    let full = Server::full();
    full.server
        .post("/v1/segment")
        .body(film())
        .send()
        .assert_problem(503, "overloaded");
    assert_told(
        &full.server,
        &[
            ("lungfield_problems_total{code=\"overloaded\"}", 1.0),
            ("lungfield_queue_depth", 1.0),
            ("lungfield_http_requests_in_flight", 2.0),
            ("lungfield_ready", 1.0),
        ],
    );
    let Full {
        server,
        gate,
        waiting,
    } = full;
    let connections = || value(&told(&server), "lungfield_connections");
    eventually("those who wait are connected, and nobody else", || {
        connections().to_bits() == 2_f64.to_bits()
    });
    drop(gate);
    for call in waiting {
        call.join().unwrap();
    }
    assert_told(
        &server,
        &[
            ("lungfield_queue_depth", 0.0),
            ("lungfield_byte_budget_used_bytes", 0.0),
        ],
    );
}

#[test]
fn callers_that_leave_and_films_past_their_deadline_are_counted() {
    let (server, gate, staying) = Server::left_by_one(&Setup::default());
    eventually("the departure is counted", || {
        value(&told(&server), "lungfield_http_departed_total") > 0.0
    });
    let other = film_of(&lungs(some_lungs().size(), 3));
    let late = server
        .post("/v1/segment")
        .header("lungfield-timeout-ms", "50")
        .body(other);
    late.send().assert_problem(504, "deadline_exceeded");
    drop(gate);
    assert_eq!(staying.join().unwrap().mask(), some_lungs());
    server.assert_still_serves();
    let text = told(&server);
    assert_eq!(
        value(
            &text,
            "lungfield_problems_total{code=\"deadline_exceeded\"}"
        )
        .to_bits(),
        1_f64.to_bits()
    );
    let never_run = value(&text, "lungfield_jobs_departed_total")
        + value(&text, "lungfield_jobs_expired_total");
    assert_eq!(never_run.to_bits(), 2_f64.to_bits());
    assert_eq!(
        server.passes.batch_sizes(),
        [1, 1],
        "neither cost a forward pass"
    );
}

#[test]
fn a_server_that_is_lost_says_that_it_is_not_ready() {
    let mut server = Server::start(FakeSegmenter::new(Behaviour::Fatal), &Setup::default());
    server
        .post("/v1/segment")
        .body(film())
        .send()
        .assert_problem(503, "engine_stopped");
    assert!(server.outcome().is_err());
    assert_told(&server, &[("lungfield_ready", 0.0)]);
}

/// The names of our metrics in a text, as a query has them.
fn names(text: &str) -> std::collections::BTreeSet<&str> {
    let word = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    let words = text
        .split(word)
        .filter(|word| word.starts_with("lungfield_") || word.starts_with("process_"));
    words.collect()
}

#[test]
fn dashboard_and_alerts_ask_for_nothing_that_a_server_does_not_tell() {
    let server = Server::echo();
    server
        .post("/v1/segment")
        .form(&[("image", &film()), ("ground_truth", &film())])
        .send()
        .segmented();
    // A film without lungs, for its warning; and a problem.
    let blank = film_of(&crate::samples::mask(some_lungs().size(), |_, _| false));
    server.post("/v1/segment").body(blank).send().segmented();
    server
        .post("/v1/segment")
        .send()
        .assert_problem(400, "empty_body");
    let text = told(&server);
    let told = names(&text);
    for file in [
        "deploy/grafana/dashboard.json",
        "deploy/prometheus/alerts.yaml",
    ] {
        let asked = fs_err::read_to_string(file).unwrap();
        let asked = names(&asked);
        assert!(asked.len() > 5, "{file} asks for something");
        let unknown: Vec<_> = asked.difference(&told).collect();
        assert!(
            unknown.is_empty(),
            "{file} asks for {unknown:?}, which is not in\n{text}"
        );
    }
}
