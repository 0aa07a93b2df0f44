//! Tests of run-length encodings that overflow, are very long, or lie beside deeply nested lists.

use super::{in_time, large_server};
use crate::samples::picture_png;

#[test]
fn run_lengths_that_are_made_to_overflow_are_refused() {
    let server = large_server();
    let film = picture_png();
    let texts = [
        (
            "counts beyond 32 bits",
            format!(
                r#"{{"size":[48,64],"counts":[{}1]}}"#,
                "4294967295,".repeat(1 << 18)
            ),
        ),
        (
            "zeros",
            format!(
                r#"{{"size":[48,64],"counts":[{}3072]}}"#,
                "0,".repeat(1 << 20)
            ),
        ),
        (
            "digits",
            format!(r#"{{"size":[48,64],"counts":[{}]}}"#, "9".repeat(1 << 20)),
        ),
        (
            "characters",
            format!(r#"{{"size":[48,64],"counts":"{}"}}"#, "o".repeat(1 << 20)),
        ),
        (
            "empty runs",
            format!(r#"{{"size":[48,64],"counts":"{}"}}"#, "0".repeat(1 << 20)),
        ),
        (
            "sides beyond 64 bits",
            r#"{"size":[4294967295,4294967295],"counts":[4294967295]}"#.to_owned(),
        ),
    ];
    for (what, text) in texts {
        let form = [
            ("image", film.as_slice()),
            ("ground_truth", text.as_bytes()),
        ];
        let reply = in_time(what, || server.post("/v1/segment").form(&form).send());
        reply.assert_problem(422, "invalid_rle");
        server.assert_still_serves();
    }
}

#[test]
fn lists_within_lists_beside_run_lengths_are_passed_over() {
    const DEPTH: usize = 1 << 20;
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    let server = large_server();
    let film = picture_png();
    for (text, status) in [
        (
            format!(r#"{{"other":{open}{close},"size":[48,64],"counts":[3072]}}"#),
            200,
        ),
        (format!(r#"{{"size":[48,64],"counts":{open}{close}}}"#), 422),
    ] {
        let form = [
            ("image", film.as_slice()),
            ("ground_truth", text.as_bytes()),
        ];
        assert_eq!(
            in_time("nested lists", || server
                .post("/v1/segment")
                .form(&form)
                .send())
            .status,
            status
        );
        server.assert_still_serves();
    }
}
