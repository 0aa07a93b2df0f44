//! Tests of forms with very many parts, or with parts whose heads are very long.

use super::{in_time, large_server};
use crate::client::{BOUNDARY, Raw};

#[test]
fn a_form_of_a_million_parts_is_refused_at_the_first_that_is_not_known() {
    let server = large_server();
    let image =
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n\r\n");
    let nameless = format!("--{BOUNDARY}\r\n\r\n\r\n");
    for (part, code) in [(image, "duplicate_part"), (nameless, "unknown_part")] {
        let body = part.repeat(1_000_000 >> 2);
        let media = format!("multipart/form-data; boundary={BOUNDARY}");
        let call = server
            .post("/v1/segment")
            .header("content-type", &media)
            .body(body);
        in_time(code, || call.send()).assert_problem(400, code);
        server.assert_still_serves();
    }
}

#[test]
fn a_form_that_comes_to_no_part_is_refused_before_much_of_it_is_held() {
    let server = large_server();
    let begun = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"\r\nX: ");
    let headers = format!("--{BOUNDARY}\r\n{}\r\n", "X: y\r\n".repeat(1 << 17));
    for (what, body) in [
        (
            "a long header",
            [begun.as_bytes(), &vec![b'a'; 1 << 20]].concat(),
        ),
        ("many headers", headers.into_bytes()),
        ("a long preamble", vec![b'a'; 1 << 20]),
    ] {
        let media = format!("multipart/form-data; boundary={BOUNDARY}");
        let call = server
            .post("/v1/segment")
            .header("content-type", &media)
            .body([body, form_end()].concat());
        in_time(what, || call.send()).assert_problem(400, "malformed_multipart");
        server.assert_still_serves();
    }
}

fn form_end() -> Vec<u8> {
    format!("\r\n\r\n\r\n--{BOUNDARY}--\r\n").into_bytes()
}

#[test]
fn a_header_of_a_part_that_comes_in_driblets_is_not_searched_over_and_over() {
    let server = large_server();
    let mut raw = Raw::connect(server.address);
    raw.write(b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
    raw.write(format!("Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n").as_bytes());
    let begun = format!("--{BOUNDARY}\r\nX: ");
    raw.write(format!("{:x}\r\n{begun}\r\n", begun.len()).as_bytes());
    let driblets = b"1\r\na\r\n".repeat(1 << 20);
    let reply = in_time("driblets", || {
        raw.write(&driblets);
        raw.write(b"0\r\n\r\n");
        raw.reply()
    });
    reply.assert_problem(400, "malformed_multipart");
    server.assert_still_serves();
}
