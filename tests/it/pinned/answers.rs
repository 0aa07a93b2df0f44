//! Pins one answer of each format, its headers included.

use std::fmt::Write;

use lungfield_codec::png::encode_radiograph;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::assert_pinned;
use crate::client::{Call, Reply};
use crate::samples::{Picture, SIDE, film_of, lungs, some_lungs};
use crate::server::Server;

/// A film whose mask is known, and which gives rise to no warning: two white lungs, and between them a grey mediastinum.
pub(super) fn samples() -> Vec<u8> {
    let lungs: Vec<bool> = some_lungs().pixels().collect();
    let grey = |place: usize| {
        if (16..36).contains(&(place % SIDE as usize)) {
            127
        } else {
            0
        }
    };
    lungs
        .iter()
        .enumerate()
        .map(|(place, &lung)| if lung { 255 } else { grey(place) })
        .collect()
}

/// The film as a PNG.
fn film() -> Vec<u8> {
    let film =
        Radiograph::new(Size::square(SIDE).unwrap(), Pixels::Eight(samples()), None).unwrap();
    encode_radiograph(&film)
}

/// A digest as text.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let digits = hash.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

/// The headers of an answer, without the time and with the durations left out.
fn headers(reply: &Reply) -> String {
    let mut lines: Vec<_> = reply
        .headers()
        .iter()
        .filter(|(name, _)| name != "date")
        .map(|(name, value)| match name.as_str() {
            "server-timing" => format!(
                "{name}: {}",
                value.replace(|digit: char| digit.is_ascii_digit() || digit == '.', "")
            ),
            "content-length" => format!("{name}: …"),
            _ => format!("{name}: {value}"),
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

/// JSON with its durations set to 0.
fn timeless(mut answer: Value) -> Value {
    if let Some(Value::Object(timings)) = answer.get_mut("timings_ms") {
        timings.values_mut().for_each(|value| *value = json!(0.0));
    }
    answer
}

/// What a body holds: JSON as it is, a PNG by its size and decoded pixels, anything else by its bytes.
fn body(reply: &Reply) -> String {
    match reply.header("content-type").unwrap_or_default() {
        "application/json" | "application/problem+json" => {
            // Fields in their order: callers may print them.
            let order: Vec<_> = keys(std::str::from_utf8(&reply.body).unwrap());
            format!("{}\n{order:?}", timeless(reply.json()))
        }
        "image/png" => {
            let picture = Picture::read(&reply.body);
            format!(
                "PNG {:?} {:?} {:?} {}",
                picture.size,
                picture.color,
                picture.depth,
                sha256(&picture.samples)
            )
        }
        _ => format!("{} bytes {}", reply.body.len(), sha256(&reply.body)),
    }
}

/// The names of the fields of a JSON text, in the order in which they are written.
fn keys(text: &str) -> Vec<&str> {
    let quoted = text.split('"').skip(1).step_by(2);
    let after = text.split('"').skip(2).step_by(2);
    quoted
        .zip(after)
        .filter(|(_, after)| after.starts_with(':'))
        .map(|(key, _)| key)
        .collect()
}

fn told(name: &str, call: Call) -> String {
    let reply = call.header("x-request-id", "pinned").send();
    let mut text = String::new();
    writeln!(
        text,
        "== {name}\n{}\n{}\n\n{}\n",
        reply.status,
        headers(&reply),
        body(&reply)
    )
    .unwrap();
    text
}

#[test]
fn answers_to_a_film_are_pinned() {
    let server = Server::echo();
    let other = film_of(&lungs(some_lungs().size(), 3));
    let ask = |query: &str| {
        let call = server.post(&format!("/v1/segment?{query}"));
        told(
            query,
            call.form(&[("image", &film()), ("ground_truth", &other)]),
        )
    };
    let mut text = told("no reference mask", server.post("/v1/segment").body(film()));
    for query in [
        "",
        "format=json&rle=counts",
        "format=json&reference=echo&threshold=0.25",
        "format=json&reference=echo&rle=counts",
        "format=png",
        "format=overlay",
        "format=film",
    ] {
        text += &ask(query);
    }
    text += &told(
        "accept",
        server
            .post("/v1/segment")
            .header("accept", "image/png")
            .body(film()),
    );
    assert_pinned("answers.txt", &text);
}

#[test]
fn answers_about_model_health_and_errors_are_pinned() {
    let server = Server::echo();
    let mut text = String::new();
    for path in [
        "/v1/model",
        "/health/live",
        "/health/ready",
        "/v2",
        "/v2/models/a-fake",
        "/v2/models/a-fake/ready",
        "/nowhere",
        "/v2/nowhere",
    ] {
        text += &told(path, server.get(path));
    }
    text += &told("no film", server.post("/v1/segment").body(&b"no film"[..]));
    text += &told(
        "DICOM about a PNG",
        server.post("/v1/segment?format=dicom-seg").body(film()),
    );
    text += &told(
        "bad query",
        server.post("/v1/segment?format=gif").body(film()),
    );
    assert_pinned("others.txt", &text);
}

#[test]
fn answers_to_an_inference_are_pinned() {
    let server = Server::echo();
    let pixels = samples();
    let input =
        |name: &str| json!({"name": name, "datatype": "UINT8", "shape": [64, 64], "data": pixels});
    let ask = |name: &str, request: Value| {
        let call = server
            .post("/v2/models/a-fake/infer")
            .header("content-type", "application/json");
        told(name, call.body(request.to_string()))
    };
    let inputs = json!([input("image"), input("ground_truth")]);
    let mut text = ask(
        "JSON",
        json!({"id": "one", "inputs": inputs, "outputs": [{"name": "dice"}]}),
    );
    text += &ask("all outputs", json!({"inputs": inputs}));
    let binary = json!([{"name": "mask", "parameters": {"binary_data": true}}]);
    text += &ask(
        "binary",
        json!({"inputs": [input("image")], "outputs": binary}),
    );
    text += &ask("refused", json!({"inputs": []}));
    assert_pinned("inference.txt", &text);
}
