//! Tests of how a request chooses its response, and of the headers and facts that every caller gets.

use serde_json::json;

use crate::samples::{SIDE, film};
use crate::server::{MAX_BODY_BYTES, Server};

#[test]
fn accept_picks_the_answer() {
    let server = Server::echo();
    let (json, png) = ("application/json", "image/png");
    let table = [
        (None, json),
        (Some("*/*"), json),
        (Some("application/json"), json),
        (Some("application/*, text/html"), json),
        (Some("image/png"), png),
        (Some("image/*"), png),
        (Some("image/png;q=0.9, application/json;q=0.8"), png),
        (Some("image/png;q=0.8, application/json;q=0.8"), json),
        (Some("application/json;q=0, */*"), png),
        (
            Some("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"),
            png,
        ),
        (Some("IMAGE/PNG"), png),
    ];
    for (accept, expected) in table {
        let mut call = server.post("/v1/segment").body(film());
        if let Some(accept) = accept {
            call = call.header("accept", accept);
        }
        let reply = call.send();
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some(expected)),
            "{accept:?}"
        );
    }
}

#[test]
fn the_format_wins_over_accept() {
    let server = Server::echo();
    for (format, accept, expected) in [
        ("json", "image/png", "application/json"),
        ("png", "application/json", "image/png"),
        ("overlay", "text/html", "image/png"),
    ] {
        let call = server
            .post(&format!("/v1/segment?format={format}"))
            .header("accept", accept);
        assert_eq!(
            call.body(film()).send().header("content-type"),
            Some(expected),
            "{format}"
        );
    }
}

#[test]
fn every_answer_about_a_film_is_timed_and_stays_out_of_caches() {
    let server = Server::echo();
    for format in ["json", "png", "overlay"] {
        let reply = server
            .post(&format!("/v1/segment?format={format}"))
            .body(film())
            .send();
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let timing = reply.header("server-timing").unwrap();
        let steps = timing
            .split(", ")
            .map(|step| step.split_once(";dur=").unwrap());
        let (names, durations): (Vec<_>, Vec<_>) = steps.unzip();
        assert_eq!(names, ["decode", "queue", "infer", "encode"]);
        assert!(
            durations
                .iter()
                .all(|ms| ms.parse::<f64>().is_ok_and(|ms| ms >= 0.0)),
            "{timing}"
        );
    }
    for (path, body) in [
        ("/v1/segment", "no film"),
        ("/v1/segment?format=no", ""),
        ("/v1/segment", ""),
    ] {
        let reply = server.post(path).body(body).send();
        assert!(reply.status >= 400);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("server-timing"), None);
    }
}

#[test]
fn a_callers_request_id_is_echoed_where_it_is_plain() {
    let server = Server::echo();
    let ask = |id: &str| server.get("/health/live").header("x-request-id", id).send();
    for id in ["a", "Film_7.b-2", &"x".repeat(64)] {
        assert_eq!(ask(id).header("x-request-id"), Some(id));
    }
    for id in ["", "a b", "a/b", "é", "{\"a\":1}", &"x".repeat(65)] {
        let reply = ask(id);
        let made = reply.header("x-request-id").unwrap();
        assert!(made != id && made.len() == 36, "{id:?} became {made:?}");
    }
    let ids = [(); 2].map(|()| {
        server
            .get("/v1/model")
            .send()
            .header("x-request-id")
            .unwrap()
            .to_owned()
    });
    assert_ne!(ids[0], ids[1]);
    let problem = server
        .post("/v1/segment")
        .header("x-request-id", "mine")
        .send();
    problem.assert_problem(400, "empty_body");
    assert_eq!(problem.json()["request_id"], "mine");
    assert_eq!(
        server
            .post("/v1/segment")
            .header("x-request-id", "mine")
            .body(film())
            .send()
            .segmented()["request_id"],
        "mine"
    );
}

#[test]
fn the_model_and_its_limits_are_told() {
    let server = Server::echo();
    let model = server.get("/v1/model").send();
    assert_eq!(
        (model.status, model.header("content-type")),
        (200, Some("application/json"))
    );
    let model = model.json();
    assert_eq!(
        (&model["name"], &model["input_side"]),
        (&json!("a-fake"), &json!(SIDE))
    );
    assert_eq!(
        model["limits"],
        json!({"max_body_bytes": MAX_BODY_BYTES, "max_pixels": 64_000_000})
    );
    assert_eq!(
        server.get("/health/live").send().json(),
        json!({"status": "live"})
    );
    assert_eq!(
        server.get("/health/ready").send().json(),
        json!({"status": "ready"})
    );
    assert_eq!(
        server.get("/openapi.yaml").send().header("content-type"),
        Some("application/yaml")
    );
}
