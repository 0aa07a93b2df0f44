//! Tests of the Open Inference Protocol: that it gives the masks of `/v1/segment`, and refuses in its own words.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::join_all;
use lungfield::http::Access;
use lungfield_codec::png;
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use serde_json::{Value, json};

use crate::client::Reply;
use crate::server::{DECODE_PERMITS, MAX_BODY_BYTES, MODEL, Server, Setup, budget};
use lungfield_testing::small;

const INFER: &str = "/v2/models/a-fake/infer";

/// The pixels of a phantom's film and of its mask.
fn tensors(seed: u64, width: u32, height: u32) -> (Vec<u8>, Vec<u8>) {
    let phantom = small::phantom(seed, width, height);
    let lungfield_radiograph::radiograph::Pixels::Eight(film) = phantom.film.pixels() else {
        panic!("it has 8 bits")
    };
    (film.clone(), phantom.mask.pixels().map(u8::from).collect())
}

fn tensor(name: &str, (width, height): (u32, u32), data: &[u8]) -> Value {
    json!({"name": name, "shape": [height, width], "datatype": "UINT8", "data": data})
}

fn ask(server: &Server, request: &Value) -> Reply {
    server
        .post(INFER)
        .body(request.to_string().as_bytes())
        .send()
}

/// The elements of an answer's tensor.
fn output<'a>(answer: &'a Value, name: &str) -> &'a Value {
    answer["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|output| output["name"] == name)
        .unwrap()
}

#[track_caller]
fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let error = reply.json();
    assert_eq!(
        (reply.status, &error["code"]),
        (status, &json!(code)),
        "{error}"
    );
    assert!(
        error["error"]
            .as_str()
            .is_some_and(|words| !words.is_empty())
    );
}

#[test]
fn pixels_and_a_file_of_them_have_the_same_mask_and_score() {
    let server = Server::echo();
    let size = (90, 70);
    let (film, mask) = tensors(3, size.0, size.1);
    let phantom = small::phantom(3, size.0, size.1);
    let (file, reference) = (
        png::encode_radiograph(&phantom.film),
        png::encode_mask(&phantom.mask),
    );
    let answer = server
        .post("/v1/segment?format=png")
        .form(&[("image", &file), ("ground_truth", &reference)])
        .send();
    let expected =
        lungfield_codec::decode(&answer.body, &lungfield_codec::Limits::default()).unwrap();
    let lungfield_radiograph::radiograph::Pixels::Eight(expected) = expected.pixels() else {
        panic!("it has 8 bits")
    };
    let expected: Vec<u8> = expected.iter().map(|&value| value / 255).collect();
    let dice: f64 = answer.header("lungfield-dice").unwrap().parse().unwrap();

    let request = json!({"id": "ward-7", "inputs": [tensor("image", size, &film), tensor("ground_truth", size, &mask)]});
    let answer = ask(&server, &request);
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (200, Some("no-store"))
    );
    let answer = answer.json();
    assert_eq!(
        (&answer["id"], &answer["model_name"]),
        (&json!("ward-7"), &json!(MODEL))
    );
    assert_eq!(output(&answer, "mask")["shape"], json!([70, 90]));
    assert_eq!(output(&answer, "mask")["data"], json!(expected));
    assert!((output(&answer, "dice")["data"][0].as_f64().unwrap() - dice).abs() < 1e-5);
}

#[test]
fn binary_tensors_come_and_go_behind_the_json() {
    let server = Server::echo();
    let (film, mask) = tensors(3, 64, 48);
    let file = png::encode_mask(&small::phantom(3, 64, 48).mask);
    let element = [&u32::try_from(file.len()).unwrap().to_le_bytes()[..], &file].concat();
    let head = json!({
        "inputs": [
            {"name": "image", "shape": [48, 64], "datatype": "UINT8", "parameters": {"binary_data_size": film.len()}},
            {"name": "ground_truth", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": element.len()}}],
        "outputs": [{"name": "dice"}, {"name": "mask", "parameters": {"binary_data": true}}]
    });
    let head = head.to_string();
    let body = [head.as_bytes(), &film, &element].concat();
    let length = head.len().to_string();
    let answer = server
        .post(INFER)
        .header("Inference-Header-Content-Length", &length)
        .body(body)
        .send();
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/octet-stream")
    );
    let json_bytes: usize = answer
        .header("inference-header-content-length")
        .unwrap()
        .parse()
        .unwrap();
    let (json, binary) = answer.body.split_at(json_bytes);
    let json: Value = serde_json::from_slice(json).unwrap();
    assert_eq!(
        output(&json, "mask")["parameters"]["binary_data_size"],
        64 * 48
    );
    assert!(binary.len() == 64 * 48 && binary.iter().all(|value| *value <= 1));

    let plain = json!({"inputs": [tensor("image", (64, 48), &film), tensor("ground_truth", (64, 48), &mask)]});
    let plain = ask(&server, &plain).json();
    assert_eq!(output(&plain, "mask")["data"], json!(binary));
    assert_eq!(
        output(&plain, "dice")["data"],
        output(&json, "dice")["data"]
    );
}

#[test]
fn refusals_are_in_the_protocols_words() {
    let server = Server::echo();
    let pixels = vec![9; 40 * 40];
    let image = |rest: Value| {
        let mut image = tensor("image", (40, 40), &pixels);
        image
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        ask(&server, &json!({"inputs": [image]}))
    };
    assert_eq!(image(json!({})).status, 200);
    assert_refused(
        &image(json!({"shape": [1, 40, 40]})),
        400,
        "invalid_inference",
    );
    assert_refused(&image(json!({"shape": [40, 41]})), 400, "invalid_inference");
    assert_refused(
        &image(json!({"datatype": "FP32"})),
        400,
        "invalid_inference",
    );
    assert_refused(&image(json!({"shape": [1600, 1]})), 422, "image_too_small");
    let text = json!({"shape": [1], "datatype": "BYTES", "data": ["bm8gZmlsbQ=="]});
    assert_refused(&image(text), 415, "unrecognised_image");
    let other = json!({"inputs": [tensor("image", (40, 40), &pixels), tensor("ground_truth", (32, 50), &pixels)]});
    assert_refused(&ask(&server, &other), 422, "reference_size_mismatch");
    assert_refused(&server.post(INFER).body(b"").send(), 400, "empty_body");
    let compressed = server
        .post(INFER)
        .header("Content-Encoding", "gzip")
        .body(b"{}")
        .send();
    assert_refused(&compressed, 415, "unsupported_media_type");
    assert_eq!(compressed.header("accept-encoding"), Some("identity"));
    for path in [
        "/v2/models/other/infer",
        "/v2/models/a-fake/versions/9/infer",
        "/v2/models/%FF/infer",
    ] {
        assert_refused(&server.post(path).body(b"{}").send(), 404, "unknown_model");
    }
    assert_refused(&server.get("/v2/nowhere").send(), 404, "not_found");
    assert_refused(&server.get(INFER).send(), 405, "method_not_allowed");
    let large = vec![b' '; usize::try_from(MAX_BODY_BYTES).unwrap() + 1];
    assert_refused(
        &server.post(INFER).body(large).send(),
        413,
        "body_too_large",
    );
}

#[test]
fn a_caller_may_say_how_long_it_waits() {
    let (server, gate) = Server::gated(&Setup::default());
    let request = json!({"inputs": [tensor("image", (40, 40), &[9; 1600])]}).to_string();
    let call = |patience| {
        server
            .post(INFER)
            .header("lungfield-timeout-ms", patience)
            .body(request.as_bytes())
    };
    assert_refused(&call("50").send(), 504, "deadline_exceeded");
    assert_refused(&call("soon").send(), 400, "invalid_timeout");
    drop(gate);
    assert_eq!(call("20000").send().status, 200);
}

#[test]
fn a_body_that_is_not_read_yet_keeps_nobody_past_its_deadline() {
    let server = Server::echo();
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let work = || {
        let gate = Arc::clone(&gate);
        server
            .app
            .pipeline()
            .blocking(tracing::Span::none(), move || drop(gate.lock()))
    };
    let mut busy = pin!(join_all((0..DECODE_PERMITS).map(|_| work())));
    assert!(
        server
            .wait(async { busy.as_mut().now_or_never() })
            .is_none(),
        "every permit is taken"
    );
    let call = server
        .post(INFER)
        .header("lungfield-timeout-ms", "50")
        .body(b"{}");
    assert_refused(&call.send(), 504, "deadline_exceeded");
    drop(closed);
    assert!(server.wait(busy).iter().all(Result::is_ok));
    assert_refused(
        &server.post(INFER).body(b"{}").send(),
        400,
        "invalid_inference",
    );
}

#[test]
fn lists_of_millions_take_no_more_than_they_are_charged() {
    let setup = Setup::default();
    let limits = lungfield_codec::Limits {
        max_pixels: 1_000_000_000,
    };
    let server = Server::start(
        FakeSegmenter::new(Behaviour::Echo),
        &Setup { limits, ..setup },
    );
    // The body fits the budget, what is made of it beside the body does not.
    let mut narrow = Setup {
        limits,
        ..setup_of(1 << 20)
    };
    narrow.http.byte_budget = budget(1_000_000);
    let narrow = Server::start(FakeSegmenter::new(Behaviour::Echo), &narrow);
    let (width, height) = (600, 700);
    let request = json!({"inputs": [tensor("image", (width, height), &vec![0; 420_000])]});
    assert_eq!(ask(&server, &request).status, 200);
    assert_refused(&ask(&narrow, &request), 503, "byte_budget_spent");
}

fn setup_of(max_body_bytes: u64) -> Setup {
    let mut setup = Setup::default();
    setup.http.max_body_bytes = max_body_bytes;
    setup
}

#[test]
fn it_is_admitted_as_others_are() {
    let full = Server::full();
    let refused = ask(
        &full.server,
        &json!({"inputs": [tensor("image", (40, 40), &[0; 1600])]}),
    );
    assert_refused(&refused, 503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    full.assert_recovers();
}

#[test]
fn health_and_metadata_are_the_protocols() {
    let server = Server::guarded(
        FakeSegmenter::new(Behaviour::Echo),
        &Setup::default(),
        Access::default(),
    );
    assert_eq!(
        server.get("/v2").send().json()["extensions"],
        json!(["binary_tensor_data"])
    );
    assert_eq!(
        server.get("/v2/health/ready").send().json(),
        json!({"ready": true})
    );
    let model = server.get("/v2/models/a-fake/versions/1.2.3").send().json();
    assert_eq!(
        model["inputs"][0],
        json!({"name": "image", "datatype": "UINT8", "shape": [-1, -1]})
    );
    assert_eq!(
        model["outputs"][1],
        json!({"name": "dice", "datatype": "FP32", "shape": [1]})
    );
    assert_eq!(
        server.get("/v2/models/a-fake/ready").send().json(),
        json!({"name": "a-fake", "ready": true})
    );
}
