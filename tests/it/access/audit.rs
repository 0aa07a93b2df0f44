//! Tests of the audit log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lungfield::http::{Access, Audit, AuditKey, AuditSink, Keys};
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use lungfield_support::sha256;
use lungfield_testing::small;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use super::{line, with_key};
use crate::program::Daemon;
use crate::samples::{film, film_of, lungs, some_lungs};
use crate::server::{Server, Setup};

/// The key of the hashes in the audit log.
const SECRET: &[u8] = b"an audit key of some length";

/// The lines of an audit log.
fn audited(path: &Path) -> Vec<Value> {
    fs_err::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A server with an audit log and the one key `a key` of `ward-7`.
struct Audited {
    server: Server,
    folder: TempDir,
    _keys: watch::Sender<Arc<Keys>>,
}

impl Audited {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let keys = Keys::parse(&line("ward-7", "a key")).unwrap();
        let (sender, keys) = watch::channel(Arc::new(keys));
        let access = Access {
            keys: Some(keys),
            audit: Some(Audit::new(
                AuditSink::File(Self::log_in(&folder)),
                AuditKey::new(SECRET).unwrap(),
            )),
            ..Access::default()
        };
        let segmenter = FakeSegmenter::new(Behaviour::Echo);
        Self {
            server: Server::guarded(segmenter, &Setup::default(), access),
            folder,
            _keys: sender,
        }
    }

    fn log_in(folder: &TempDir) -> PathBuf {
        folder.path().join("audit.jsonl")
    }

    fn lines(&self) -> Vec<Value> {
        audited(&Self::log_in(&self.folder))
    }

    /// Moves the log away, as one is that is kept for years, and returns its lines.
    fn rotate(&self) -> Vec<Value> {
        let moved = self.folder.path().join("audit.1");
        fs_err::rename(Self::log_in(&self.folder), &moved).unwrap();
        audited(&moved)
    }
}

/// The values of a field, a line each.
fn field(lines: &[Value], name: &str) -> Vec<Value> {
    lines.iter().map(|line| line[name].clone()).collect()
}

#[test]
fn every_request_to_the_api_is_accounted_for() {
    let audited = Audited::start();
    let server = &audited.server;
    let segment = || with_key(server.post("/v1/segment"), "a key");
    segment().body(film()).send().segmented();
    server
        .post("/v1/segment")
        .body(film())
        .send()
        .assert_problem(401, "unauthorized");
    segment()
        .body(&b"no film"[..])
        .send()
        .assert_problem(415, "unrecognised_image");
    assert_eq!(server.get("/health/live").send().status, 200);

    let lines = audited.rotate();
    let model = with_key(server.get("/v1/model"), "a key").send();
    assert_eq!(model.status, 200);
    assert_eq!(audited.lines().len(), 1, "a moved log is begun again");
    assert_eq!(field(&lines, "outcome"), ["answered", "denied", "refused"]);
    assert_eq!(
        field(&lines, "caller"),
        ["ward-7".into(), Value::Null, "ward-7".into()]
    );
    assert_eq!(
        field(&lines, "code"),
        [
            Value::Null,
            "unauthorized".into(),
            "unrecognised_image".into()
        ]
    );
    for line in &lines {
        assert!(line["duration_ms"].is_f64() && line["model_version"].is_string());
    }
}

#[test]
fn a_film_is_known_in_the_audit_log_by_a_keyed_hash_however_it_was_sent() {
    let audited = Audited::start();
    let server = &audited.server;
    let segment = || with_key(server.post("/v1/segment"), "a key");
    let film = film();
    segment().body(film.clone()).send().segmented();
    segment().form(&[("image", &film)]).send().segmented();
    let inference = json!({"inputs": [
        {"name": "image", "shape": [1], "datatype": "BYTES", "data": [BASE64_STANDARD.encode(&film)]}]});
    let inference = server
        .post("/v2/models/a-fake/infer")
        .body(inference.to_string());
    assert_eq!(with_key(inference, "a key").send().status, 200);
    let other = film_of(&lungs(some_lungs().size(), 5));
    segment().body(other).send().segmented();
    let refused = server.post("/v1/segment").body(film.clone()).send();
    refused.assert_problem(401, "unauthorized");

    let hashes = field(&audited.lines(), "input_hmac_sha256");
    assert_eq!(hashes[..3], vec![hmac_sha256(SECRET, &film); 3]);
    assert!(hashes[3].is_string() && hashes[3] != hashes[0]);
    assert!(
        hashes[4].is_null(),
        "the film of a denied caller is not read"
    );
}

/// RFC 2104 by its letter.
fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    let padded = |pad: u8| (0..64).map(move |place| key.get(place).copied().unwrap_or(0) ^ pad);
    let unhex = |text: &str| {
        let pair = |place: usize| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
        (0..64).step_by(2).map(pair).collect::<Vec<_>>()
    };
    let inner = sha256::hex(
        &padded(0x36)
            .chain(message.iter().copied())
            .collect::<Vec<_>>(),
    );
    sha256::hex(&padded(0x5c).chain(unhex(&inner)).collect::<Vec<_>>())
}

#[test]
fn an_audit_log_that_takes_no_line_keeps_nobody_from_his_answer_and_is_counted() {
    let model = small::model();
    let mut server = Daemon::start(model.path(), &["--audit-log=/dev/full"]);
    server.film(&small::film(1, 64)).send().segmented();
    server.program.wait_for_line("missing from the audit log");
    assert!(
        server
            .metrics()
            .contains("lungfield_audit_failures_total 1")
    );
}
