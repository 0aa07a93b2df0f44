//! Tests of several DICOM instances in one request and one response, as multipart/related.

use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use serde_json::json;

use super::{DICOM, post_film, some_film};
use crate::client::Reply;
use crate::dicom_films::{Object, Read};
use crate::samples::{Picture, lungs, some_lungs};
use crate::server::{Server, Setup, budget};

/// Encodes a multipart/related body of parts, each with its media type.
fn related_body(parts: &[(&str, &[u8])], boundary: &str) -> Vec<u8> {
    let mut body = b"what comes before the first part is passed over\r\n".to_vec();
    for (media, bytes) in parts {
        body.extend_from_slice(format!("--{boundary}\r\nContent-Type: {media}\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

const RELATED: &str = "multipart/related; type=\"application/dicom\"; boundary=\"in quotes\"";

/// Sends films in one multipart/related body.
fn post_related(server: &Server, query: &str, films: &[&[u8]]) -> Reply {
    let parts: Vec<_> = films.iter().map(|film| (DICOM, *film)).collect();
    let call = server
        .post(&format!("/v1/segment?{query}"))
        .header("content-type", RELATED);
    call.body(related_body(&parts, "in quotes"))
        .chunked()
        .send()
}

/// Returns the parts of a multipart/related response.
#[track_caller]
fn related_parts(reply: &Reply, media: &str) -> Vec<Vec<u8>> {
    let kind = reply.header("content-type").unwrap_or_default();
    let boundary = kind.strip_prefix(&format!("multipart/related; type=\"{media}\"; boundary="));
    let boundary = format!(
        "--{}",
        boundary.unwrap_or_else(|| panic!("{kind}: {reply:?}"))
    );
    let place = |from: usize| {
        let found = reply.body[from..]
            .windows(boundary.len())
            .position(|window| window == boundary.as_bytes());
        from + found.unwrap()
    };
    let mut parts = Vec::new();
    let mut start = place(0) + boundary.len();
    while !reply.body[start..].starts_with(b"--") {
        let end = place(start);
        let part = &reply.body[start..end];
        let head = part
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        assert!(part.starts_with(format!("\r\nContent-Type: {media}\r\n").as_bytes()));
        assert!(
            part[..head]
                .windows(15)
                .any(|window| window == b"lungfield-model"),
            "each part names its model"
        );
        parts.push(part[head + 4..].strip_suffix(b"\r\n").unwrap().to_vec());
        start = end + boundary.len();
    }
    parts
}

#[test]
fn several_instances_are_answered_as_they_came() {
    let server = Server::echo();
    let masks = [0, 9, 18].map(|index| lungs(some_lungs().size(), index));
    let films = masks.each_ref().map(|mask| Object::showing(mask).file());
    let films = films.each_ref().map(Vec::as_slice);
    let reply = post_related(&server, "format=dicom-seg", &films);
    assert_eq!(
        reply.header("content-length"),
        Some(reply.body.len().to_string().as_str())
    );
    let objects = related_parts(&reply, DICOM);
    assert_eq!(objects.len(), 3);
    for (object, mask) in objects.iter().zip(&masks) {
        let object = Read::of(object);
        assert_eq!(object.frame(0).union(&object.frame(1)).as_ref(), Some(mask));
    }
    let pictures = related_parts(
        &post_related(&server, "format=png", &films[..1]),
        "image/png",
    );
    assert_eq!(Picture::read(&pictures[0]).mask(), masks[0]);
    let answers = post_related(&server, "", &films).json();
    assert_eq!(answers["instances"].as_array().unwrap().len(), 3);
    assert_eq!(
        answers["instances"][1]["lungs"][0]["bounding_box"],
        json!([5, 5, 12, 30])
    );
}

#[test]
fn answers_to_one_body_are_no_more_than_may_be_held() {
    let film = some_film();
    let capture = post_film(&Server::echo(), "format=dicom-sc", &film)
        .body
        .len() as u64;
    let mut setup = Setup::default();
    // Random UIDs have different lengths.
    setup.http.answer_budget = budget(2 * capture + 200);
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    let films = [film.as_slice(); 3];
    for _ in 0..2 {
        assert_eq!(
            related_parts(
                &post_related(&server, "format=dicom-sc", &films[..2]),
                DICOM
            )
            .len(),
            2
        );
    }
    let refused = post_related(&server, "format=dicom-sc", &films);
    refused.assert_problem(413, "too_many_instances");
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .starts_with("instance 3 of 3: ")
    );
    assert_eq!(post_related(&server, "format=dicom-sr", &films).status, 200);
}

#[test]
fn one_bad_instance_makes_the_answer_its_problem() {
    let server = Server::echo();
    let (good, bad) = (some_film(), Object::of(&[0; 16], 4, 4).file());
    let reply = post_related(&server, "", &[&good, &bad, &good]);
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    reply.assert_problem(422, "image_too_small");
    assert!(detail.starts_with("instance 2 of 3: "), "{detail}");
    post_related(&server, "", &[good.as_slice(); 9]).assert_problem(413, "too_many_instances");
    assert_eq!(post_related(&server, "", &[good.as_slice(); 8]).status, 200);
    post_related(&server, "", &[]).assert_problem(400, "empty_body");
    let text = related_body(&[("text/plain", b"a note")], "in quotes");
    let call = server
        .post("/v1/segment")
        .header("content-type", RELATED)
        .body(text);
    call.send().assert_problem(415, "unsupported_media_type");
    server.assert_still_serves();
}

#[test]
fn accept_may_ask_for_dicom() {
    let server = Server::echo();
    let ask = |accept| {
        server
            .post("/v1/segment")
            .header("accept", accept)
            .body(some_film())
            .send()
    };
    assert_eq!(Read::of(&ask(DICOM).body).labels().len(), 2);
    let related = related_parts(&ask("multipart/related; type=\"application/dicom\""), DICOM);
    assert_eq!(
        (related.len(), Read::of(&related[0]).labels().len()),
        (1, 2)
    );
}
