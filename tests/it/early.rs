//! Tests that curl and urllib read the status of a refusal that is sent before they have sent their 20 MB.

use std::io::Write;
use std::process::{Command, Stdio};

use lungfield_engine::fake::{Behaviour, FakeSegmenter};

use crate::samples::film;
use crate::server::{Server, Setup};

const UPLOAD_BYTES: usize = 20 << 20;
const TIMES: usize = 20;

/// A script that sends a file repeatedly, and prints each status on a line. Its arguments: URL, file, repetitions.
const PYTHON: &str = "
import sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
body = open(sys.argv[2], 'rb').read()
for _ in range(int(sys.argv[3])):
    request = urllib.request.Request(sys.argv[1], body, {'Content-Type': 'image/png'})
    try:
        print(opener.open(request, timeout=60).status)
    except urllib.error.HTTPError as error:
        print(error.code)
";

/// Returns whether a program is installed; prints that the test is skipped if not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn is_installed(program: &str) -> bool {
    let probe = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let found = probe.is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// Runs a program, asserts that it succeeds, and returns its standard output.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}: {stderr}",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}

fn upload() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(UPLOAD_BYTES as u64).unwrap();
    file
}

/// Returns a curl that prints only errors, uses no proxy, and has a time limit.
fn curl() -> Command {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "60",
    ]);
    curl
}

#[track_caller]
fn assert_curl_reads(server: &Server, status: &str, arguments: &[&str]) {
    let url = format!("http://{}/v1/segment", server.address);
    for _time in 0..TIMES {
        let mut curl = curl();
        curl.args(["--output", "/dev/null", "--write-out", "%{http_code}"])
            .args(arguments)
            .arg(&url);
        assert_eq!(output(&mut curl), status, "{arguments:?}");
    }
}

/// Asserts the status that curl reads, for a raw body and a form, each with and without `Expect: 100-continue`.
#[track_caller]
fn assert_curl_reads_however_it_sends(server: &Server, status: &str) {
    let file = upload();
    let path = file.path().display();
    let (binary, form) = (format!("@{path}"), format!("image=@{path}"));
    let raw = [
        "--header",
        "Content-Type: image/png",
        "--data-binary",
        &binary,
    ];
    assert_curl_reads(server, status, &raw);
    assert_curl_reads(
        server,
        status,
        &[raw.as_slice(), &["--header", "Expect:"]].concat(),
    );
    assert_curl_reads(server, status, &["--form", &form]);
    assert_curl_reads(server, status, &["--form", &form, "--header", "Expect:"]);
}

#[track_caller]
fn assert_urllib_reads(server: &Server, status: &str) {
    let file = upload();
    let url = format!("http://{}/v1/segment", server.address);
    let mut python = Command::new("python3");
    python
        .args(["-c", PYTHON, &url])
        .arg(file.path())
        .arg(TIMES.to_string());
    assert_eq!(
        output(&mut python).split_whitespace().collect::<Vec<_>>(),
        [status; TIMES]
    );
}

/// Calls `check` with a server whose queue is full and with one whose limit the body exceeds, each with its status.
fn check_refusals(check: impl Fn(&Server, &str)) {
    let full = Server::full();
    check(&full.server, "503");
    full.assert_recovers();

    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &Setup::default());
    check(&server, "413");
    server.assert_still_serves();
}

#[test]
fn curl_reads_the_status_of_an_early_refusal() {
    if is_installed("curl") {
        check_refusals(assert_curl_reads_however_it_sends);
    }
}

#[test]
fn urllib_reads_the_status_of_an_early_refusal() {
    if is_installed("python3") {
        check_refusals(assert_urllib_reads);
    }
}

#[test]
fn curl_reads_the_status_of_a_body_that_turns_out_too_long() {
    if is_installed("curl") {
        let server = Server::echo();
        let file = upload();
        let binary = format!("@{}", file.path().display());
        let chunked = [
            "--header",
            "Content-Type: image/png",
            "--header",
            "Transfer-Encoding: chunked",
            "--data-binary",
        ];
        assert_curl_reads(&server, "413", &[chunked.as_slice(), &[&binary]].concat());
        server.assert_still_serves();
    }
}

#[test]
fn a_film_is_answered_over_http_2_as_well() {
    if is_installed("curl") && output(Command::new("curl").arg("--version")).contains("HTTP2") {
        let server = Server::echo();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&film()).unwrap();
        let binary = format!("@{}", file.path().display());
        let mut curl = curl();
        curl.args([
            "--http2-prior-knowledge",
            "--header",
            "Content-Type: image/png",
            "--write-out",
            "%{http_version}",
            "--data-binary",
            &binary,
        ]);
        let printed = output(curl.arg(format!("http://{}/v1/segment", server.address)));
        let answer: serde_json::Value =
            serde_json::from_str(printed.strip_suffix('2').unwrap()).unwrap();
        assert_eq!(answer["lungs"][0]["area_px"], 12 * 30);
    }
}
