//! Tests of bodies that are refused before a film is found in them: empty ones and broken forms.

use crate::client::{BOUNDARY, form};
use crate::samples::film;
use crate::server::Server;

#[test]
fn an_empty_body_is_refused() {
    let server = Server::echo();
    let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
    server
        .post("/v1/segment")
        .send()
        .assert_problem(400, "empty_body");
    server
        .post("/v1/segment")
        .chunked()
        .send()
        .assert_problem(400, "empty_body");
    server
        .post("/v1/segment")
        .header("content-type", &multipart)
        .send()
        .assert_problem(400, "empty_body");
    server
        .post("/v1/segment")
        .form(&[("image", b"")])
        .send()
        .assert_problem(400, "empty_body");
    server.assert_still_serves();
}

#[test]
fn a_form_needs_exactly_one_film_and_knows_two_parts() {
    let server = Server::echo();
    let film = film();
    let film = film.as_slice();
    let table = [
        ([].as_slice(), "missing_image"),
        (&[("ground_truth", film)], "missing_image"),
        (&[("image", film), ("image", film)], "duplicate_part"),
        (
            &[
                ("image", film),
                ("ground_truth", film),
                ("ground_truth", film),
            ],
            "duplicate_part",
        ),
        (&[("image", film), ("comment", b"a word")], "unknown_part"),
        (&[("Image", film)], "unknown_part"),
        (&[("", film)], "unknown_part"),
    ];
    for (parts, code) in table {
        server
            .post("/v1/segment")
            .form(parts)
            .send()
            .assert_problem(400, code);
    }
    server.assert_still_serves();
}

#[test]
fn a_form_that_can_not_be_taken_apart_is_refused() {
    let server = Server::echo();
    let whole = form(&[("image", &film())]);
    let unnamed =
        format!("--{BOUNDARY}\r\nContent-Type: image/png\r\n\r\nfilm\r\n--{BOUNDARY}--\r\n");
    let headless = format!("--{BOUNDARY}\r\nno header\r\n\r\nfilm\r\n--{BOUNDARY}--\r\n");
    let table = [
        (
            "multipart/form-data",
            whole.as_slice(),
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=",
            &whole,
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=another",
            &whole,
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            &whole[..whole.len() / 2],
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            &whole[..whole.len() - 10],
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            b"no form at all",
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            headless.as_bytes(),
            "malformed_multipart",
        ),
        (
            "multipart/form-data; boundary=a-boundary",
            unnamed.as_bytes(),
            "unknown_part",
        ),
    ];
    for (media, body, code) in table {
        let reply = server
            .post("/v1/segment")
            .header("content-type", media)
            .body(body)
            .send();
        reply.assert_problem(400, code);
    }
    server.assert_still_serves();
}
