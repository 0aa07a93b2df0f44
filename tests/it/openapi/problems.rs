//! Tests of the problems that the description lists: each is provoked, and says what its example says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use lungfield::http::{Access, CODES, Keys, Phase, router};
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_support::sha256;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use super::description::{Description, PROBLEM, entries, names};
use crate::client::{BOUNDARY, Raw, form};
use crate::dicom_films::Object;
use crate::samples::{declared, film, film_of, fixture, mask, picture_png, some_lungs};
use crate::server::{MODEL, Server, Setup, budget};

/// A way to be answered with a problem.
type Provoke = fn() -> Value;

const SEGMENT: &str = "/v1/segment";

/// One way for each code.
const PROVOCATIONS: [(&str, Provoke); CODES.len()] = [
    ("empty_body", || posted(b"")),
    ("malformed_multipart", || {
        let whole = form(&[("image", &film())]);
        let media = format!("multipart/form-data; boundary={BOUNDARY}");
        let server = Server::echo();
        let call = server.post(SEGMENT).header("content-type", &media);
        call.body(&whole[..whole.len() / 2]).send().json()
    }),
    ("incomplete_body", incomplete_body),
    ("missing_image", || filled_in(&[("ground_truth", b"")])),
    ("duplicate_part", || {
        filled_in(&[("image", &film()), ("image", &film())])
    }),
    ("unknown_part", || {
        filled_in(&[("image", &film()), ("comment", b"a word")])
    }),
    ("invalid_query", || asked("threshold=2", film())),
    ("invalid_timeout", || {
        with_header("lungfield-timeout-ms", "soon")
    }),
    ("invalid_inference", || {
        let (server, path) = (Server::echo(), format!("/v2/models/{MODEL}/infer"));
        server.post(&path).body(r#"{"inputs": []}"#).send().json()
    }),
    ("unknown_model", || got("/v2/models/another")),
    ("unauthorized", unauthorized),
    ("not_found", || got("/nowhere")),
    ("method_not_allowed", || got(SEGMENT)),
    ("not_acceptable", || with_header("accept", "text/html")),
    ("body_timeout", body_timeout),
    ("body_too_large", body_too_large),
    ("too_many_pixels", || posted(&declared(60_000, 60_000))),
    ("too_many_instances", too_many_instances),
    ("unsupported_media_type", || {
        with_header("content-type", "text/plain")
    }),
    ("unrecognised_image", || posted(b"no film")),
    ("undecodable_image", || {
        let jpeg = fixture!("grey.jpg");
        posted(&jpeg[..jpeg.len() / 2])
    }),
    ("several_frames", || posted(fixture!("two_pages.tif"))),
    ("image_too_small", || posted(&declared(1, 1))),
    ("undecodable_reference", || referred(b"no mask")),
    ("reference_true_colour", || referred(fixture!("colour.jpg"))),
    ("reference_size_mismatch", || {
        referred(&film_of(&Mask::empty(Size::square(512).unwrap())))
    }),
    ("reference_too_fine", reference_too_fine),
    ("invalid_rle", || {
        referred(br#"{"size": [48, 64], "counts": [3000]}"#)
    }),
    ("source_not_dicom", || asked("format=dicom-seg", film())),
    ("nothing_to_segment", || {
        let none = Object::showing(&Mask::empty(some_lungs().size()));
        asked("format=dicom-seg", none.file())
    }),
    ("internal", || faulty(Behaviour::FailFirst(usize::MAX))),
    ("overloaded", overloaded),
    ("byte_budget_spent", byte_budget_spent),
    ("draining", draining),
    ("engine_stopped", || faulty(Behaviour::Fatal)),
    ("out_of_memory", || faulty(Behaviour::OutOfMemoryAbove(0))),
    ("deadline_exceeded", deadline_exceeded),
];

fn got(path: &str) -> Value {
    Server::echo().get(path).send().json()
}

fn posted(body: &[u8]) -> Value {
    Server::echo().post(SEGMENT).body(body).send().json()
}

fn filled_in(parts: &[(&str, &[u8])]) -> Value {
    Server::echo().post(SEGMENT).form(parts).send().json()
}

/// A film of 64 × 48 pixels with this reference mask.
fn referred(reference: &[u8]) -> Value {
    filled_in(&[("image", &picture_png()), ("ground_truth", reference)])
}

fn asked(query: &str, film: Vec<u8>) -> Value {
    let (server, path) = (Server::echo(), format!("{SEGMENT}?{query}"));
    server.post(&path).body(film).send().json()
}

fn with_header(name: &'static str, value: &str) -> Value {
    let server = Server::echo();
    let call = server.post(SEGMENT).header(name, value);
    call.body(film()).send().json()
}

fn faulty(behaviour: Behaviour) -> Value {
    let server = Server::start(FakeSegmenter::new(behaviour), &Setup::default());
    server.post(SEGMENT).body(film()).send().json()
}

/// A body that breaks off, which a client on a network could not wait for the answer to.
fn incomplete_body() -> Value {
    let server = Server::echo();
    let broken = futures_util::stream::iter([
        Ok(&b"half a film"[..]),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ]);
    let request = Request::post(SEGMENT)
        .body(Body::from_stream(broken))
        .unwrap();
    let response = router(Arc::clone(&server.app)).oneshot(request);
    let body = async { response.await.unwrap().into_body().collect().await };
    serde_json::from_slice(&server.wait(body).unwrap().to_bytes()).unwrap()
}

fn unauthorized() -> Value {
    let keys = format!("ward-7 {}\n", sha256::hex(b"a key"));
    let (_kept, keys) = watch::channel(Arc::new(Keys::parse(&keys).unwrap()));
    let access = Access {
        keys: Some(keys),
        ..Access::default()
    };
    let segmenter = FakeSegmenter::new(Behaviour::Echo);
    let server = Server::guarded(segmenter, &Setup::default(), access);
    server.get("/v1/model").send().json()
}

fn body_timeout() -> Value {
    let mut setup = Setup::default();
    setup.http.body_timeout = Duration::from_millis(100);
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    Raw::begin(server.address, 1000, SEGMENT, b"half a film")
        .reply()
        .json()
}

fn body_too_large() -> Value {
    let mut setup = Setup::default();
    setup.http.max_body_bytes = 64 << 20; // the default
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    let mut raw = Raw::ask_first(server.address, (64 << 20) + 1);
    raw.reply().json()
}

fn too_many_instances() -> Value {
    let part = "--x\r\nContent-Type: application/dicom\r\n\r\ninstance\r\n";
    let body = format!("{}--x--\r\n", part.repeat(9));
    let media = "multipart/related; type=\"application/dicom\"; boundary=x";
    let server = Server::echo();
    let call = server.post(SEGMENT).header("content-type", media);
    call.body(body).send().json()
}

fn reference_too_fine() -> Value {
    let (server, size) = (Server::echo(), Size::square(1500).unwrap());
    let (lungs, fine) = (
        film_of(&Mask::empty(size)),
        film_of(&mask(size, |x, y| (x + y) % 2 == 0)),
    );
    let call = server.post("/v1/segment?reference=echo");
    let parts: [(&str, &[u8]); 2] = [("image", &lungs), ("ground_truth", &fine)];
    call.form(&parts).send().json()
}

fn overloaded() -> Value {
    let full = Server::full();
    let refused = full.server.post(SEGMENT).body(film()).send().json();
    full.assert_recovers();
    refused
}

fn byte_budget_spent() -> Value {
    let mut setup = Setup::default();
    setup.http.byte_budget = budget(10);
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    server.post(SEGMENT).body(film()).send().json()
}

fn draining() -> Value {
    let mut setup = Setup::default();
    setup.listen.drain_delay = Duration::from_hours(1);
    let mut server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    server.leave();
    server.reaches(Phase::Leaving);
    server.get("/health/ready").send().json()
}

fn deadline_exceeded() -> Value {
    let (server, _gate) = Server::gated(&Setup::default());
    let call = server.post(SEGMENT).header("lungfield-timeout-ms", "50");
    call.body(film()).send().json()
}

/// The problems of a response, by their codes: the examples of its content.
fn examples<'a>(response: &'a Value, media: &str) -> BTreeMap<&'a str, &'a Value> {
    let examples = &response["content"][media]["examples"];
    entries(examples)
        .map(|(name, example)| {
            assert_eq!(
                example["value"]["code"], name,
                "an example has its code's name"
            );
            (name, &example["value"])
        })
        .collect()
}

/// Every described response but those that are not errors, with its status: a number, or `default`.
fn errors(description: &Description) -> Vec<(&str, &Value)> {
    let of_operations = description
        .operations()
        .flat_map(|(_, _, operation)| entries(&operation["responses"]))
        .filter(|(status, _)| !status.starts_with('2'));
    // No operation answers so: every path that is not described has the one, every method the other.
    let apart = [("404", "NotFound"), ("405", "MethodNotAllowed")];
    let apart = apart.map(|(status, name)| {
        let place = format!("/components/responses/{name}");
        (status, description.at(&place))
    });
    of_operations
        .map(|(status, response)| (status, description.resolved(response)))
        .chain(apart)
        .collect()
}

#[test]
fn every_code_is_described_and_every_described_code_exists() {
    let description = Description::read();
    let described = names(description.at("/components/schemas/ProblemCode/enum"));
    assert_eq!(described, BTreeSet::from(CODES));
}

#[test]
fn every_error_is_a_problem_with_an_example_for_each_of_its_codes() {
    let description = Description::read();
    let mut carried = BTreeSet::new();
    for (status, response) in errors(&description) {
        let (media, schema) = if status == "default" {
            ("application/json", "#/components/schemas/InferenceError")
        } else {
            (PROBLEM, "#/components/schemas/Problem")
        };
        let content: Vec<_> = entries(&response["content"]).collect();
        assert!(
            matches!(content[..], [(only, _)] if only == media),
            "{status}"
        );
        assert_eq!(content[0].1["schema"], json!({"$ref": schema}), "{status}");
        for (code, example) in examples(response, media) {
            let wrong = description.check(example, &content[0].1["schema"], code);
            assert!(wrong.is_empty(), "{wrong:#?}");
            let prose = response["description"].as_str().unwrap();
            assert!(prose.contains(&format!("`{code}`")), "{code} in: {prose}");
            if media == PROBLEM {
                assert_eq!(example["status"].to_string(), status, "{code}");
            }
            carried.insert(code);
        }
    }
    assert_eq!(carried, BTreeSet::from(CODES));
}

#[test]
fn every_code_can_be_provoked_and_says_what_its_examples_say() {
    assert_eq!(PROVOCATIONS.map(|(code, _)| code), CODES);
    let description = Description::read();
    let problems: BTreeMap<_, _> = PROVOCATIONS
        .into_iter()
        .map(|(code, provoke)| (code, provoke()))
        .collect();
    let mut different = Vec::new();
    for (status, response) in errors(&description) {
        let media = if status == "default" {
            "application/json"
        } else {
            PROBLEM
        };
        for (code, example) in examples(response, media) {
            let mut sent = problems[code].clone();
            if let Some(id) = sent.get_mut("request_id") {
                *id = example["request_id"].clone();
            }
            if sent != *example {
                different.push(format!(
                    "{code}: sent {sent:?}, but the example is {example:?}"
                ));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
