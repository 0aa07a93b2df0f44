//! Pins lists: codes, warnings, metrics, flags.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use lungfield::http::{CODES, PAGES, ROUTES, operator_router};
use lungfield_radiograph::warnings::Warning;
use lungfield_testing::pinned::flags;
use lungfield_testing::program::run;
use tower::ServiceExt;

use super::assert_pinned;
use crate::program::{PHANTOM, SERVE};
use crate::samples::film;
use crate::server::Server;

#[test]
fn codes_of_problems_and_warnings_are_pinned() {
    let mut text = CODES.map(|code| format!("problem {code}\n")).concat();
    text += &Warning::ALL
        .map(|warning| format!("warning {}: {}\n", warning.code(), warning.message()))
        .concat();
    assert_pinned("codes.txt", &text);
}

#[test]
fn routes_are_pinned() {
    let routes = ROUTES
        .iter()
        .map(|(method, path)| format!("{method} {path}\n"));
    let pages = PAGES.iter().map(|path| format!("page {path}\n"));
    let text = routes.chain(pages).collect::<Vec<_>>().concat();
    assert_pinned("routes.txt", &text);
}

/// A sample of a metric without its value, and without the values of its labels.
fn shape(line: &str) -> String {
    let Some((name, labels)) = line.split_once('{') else {
        return line.split(' ').next().unwrap().to_owned();
    };
    let labels = labels
        .rsplit_once('}')
        .unwrap()
        .0
        .split("\",")
        .map(|label| label.split('=').next().unwrap());
    format!("{name}{{{}}}", labels.collect::<Vec<_>>().join(","))
}

#[test]
fn names_of_metrics_and_their_labels_are_pinned() {
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
    let request = Request::builder()
        .uri("/metrics")
        .body(Body::empty())
        .unwrap();
    let response = server
        .wait(operator_router(server.app.clone()).oneshot(request))
        .unwrap();
    let media = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = server
        .wait(response.into_body().collect())
        .unwrap()
        .to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let lines: BTreeSet<_> = text
        .lines()
        .filter(|line| !line.starts_with("# HELP") && !line.starts_with("# EOF"))
        .map(|line| {
            if line.starts_with('#') {
                line.to_owned()
            } else {
                shape(line)
            }
        })
        .collect();
    let lines: Vec<_> = lines.into_iter().collect();
    assert_pinned("metrics.txt", &format!("{media}\n{}\n", lines.join("\n")));
}

#[test]
fn flags_and_variables_are_pinned() {
    assert_pinned("flags-serve.txt", &flags(SERVE));
    assert_pinned("flags-phantom.txt", &flags(PHANTOM));
}

#[test]
fn exit_codes_are_pinned() {
    for (program, arguments, code) in [
        (SERVE, &["--help"][..], 0),
        (SERVE, &["--version"], 0),
        (SERVE, &["--no-such-flag"], 2),
        (SERVE, &["--byte-budget=1MiB"], 2),
        (SERVE, &["--log-filter=a=b=c"], 2),
        (
            SERVE,
            &[
                "--model=nowhere",
                "--listen=127.0.0.1:0",
                "--metrics-listen=off",
            ],
            1,
        ),
        (
            SERVE,
            &["--health-check", "--metrics-listen=127.0.0.1:1"],
            1,
        ),
        (PHANTOM, &["--help"], 0),
        (PHANTOM, &[], 2),
        (PHANTOM, &["--out=/dev/null/nowhere"], 1),
    ] {
        assert_eq!(
            run(program, arguments).status.code(),
            Some(code),
            "{program} {arguments:?}"
        );
    }
}
