//! Tests of API keys.

use std::sync::Arc;

use lungfield::http::Access;
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use lungfield_support::sha256;
use lungfield_testing::small;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::{file, flag, line, with_key};
use crate::client::Raw;
use crate::program::Daemon;
use crate::samples::{film, some_lungs};
use crate::server::{Server, Setup};

/// Starts a server that knows two keys, in a folder that holds its key file.
fn guarded(model: &TempDir, folder: &TempDir) -> Daemon {
    let keys = line("ward-7", "first key") + &line("archive", "second key");
    let keys = file(folder, "keys", keys);
    Daemon::start(model.path(), &[&flag("api-keys", &keys)])
}

#[test]
fn a_server_with_keys_answers_whoever_shows_one_and_nobody_else() {
    let (model, folder) = (small::model(), TempDir::new().unwrap());
    let server = guarded(&model, &folder);
    let film = small::film(1, 64);
    for refused in [
        server.film(&film),
        with_key(server.film(&film), "third key"),
        with_key(server.film(&film), &sha256::hex(b"first key")),
        server
            .film(&film)
            .header("authorization", "Basic Zmlyc3Qga2V5"),
        server.get("/v1/model"),
    ] {
        let reply = refused.send();
        reply.assert_problem(401, "unauthorized");
        assert_eq!(
            reply.header("www-authenticate"),
            Some("Bearer realm=\"lungfield\"")
        );
    }
    for key in ["first key", "second key"] {
        with_key(server.film(&film), key).send().segmented();
        assert_eq!(with_key(server.get("/v1/model"), key).send().status, 200);
    }
    for open in ["/health/live", "/health/ready", "/openapi.yaml"] {
        assert_eq!(server.get(open).send().status, 200, "{open}");
    }
    server
        .get("/v1/nothing")
        .send()
        .assert_problem(404, "not_found");
}

#[test]
fn a_server_with_keys_asks_for_one_wherever_the_inference_protocol_names_a_model() {
    let (model, folder) = (small::model(), TempDir::new().unwrap());
    let server = guarded(&model, &folder);
    for path in ["/v2", "/v2/health/live", "/v2/health/ready"] {
        assert_eq!(server.get(path).send().status, 200, "{path}");
    }
    let call = |path: &str| {
        if path.ends_with("/infer") {
            server.post(path).body("{}")
        } else {
            server.get(path)
        }
    };
    for path in [
        "/v2/models/any",
        "/v2/models/any/ready",
        "/v2/models/any/infer",
    ] {
        let refused = call(path).send();
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (401, &Value::from("unauthorized")),
            "{path}"
        );
        assert_eq!(
            refused.header("www-authenticate"),
            Some("Bearer realm=\"lungfield\"")
        );
        let admitted = with_key(call(path), "first key").send();
        assert_eq!(admitted.json()["code"], "unknown_model", "{path}");
    }
}

#[test]
fn a_caller_without_a_key_hears_so_before_it_has_sent_its_film() {
    let keys = lungfield::http::Keys::parse(&line("ward-7", "first key")).unwrap();
    let (_kept, keys) = tokio::sync::watch::channel(Arc::new(keys));
    let access = Access {
        keys: Some(keys),
        ..Access::default()
    };
    let server = Server::guarded(
        FakeSegmenter::new(Behaviour::Echo),
        &Setup::default(),
        access,
    );
    let mut silent = Raw::begin(server.address, 1000, "/v1/segment", b"");
    silent.reply().assert_problem(401, "unauthorized");
    assert!(server.passes.marks().is_empty());
    assert_eq!(
        with_key(server.post("/v1/segment"), "first key")
            .body(film())
            .send()
            .mask(),
        some_lungs()
    );
}

#[test]
fn keys_are_replaced_without_a_restart_and_a_bad_file_changes_nothing() {
    let (model, folder) = (small::model(), TempDir::new().unwrap());
    let keys = file(&folder, "keys", line("ward-7", "old"));
    let mut server = Daemon::start(model.path(), &[&flag("api-keys", &keys)]);
    let status = |server: &Daemon, key: &str| with_key(server.get("/v1/model"), key).send().status;
    assert_eq!((status(&server, "old"), status(&server, "new")), (200, 401));

    file(&folder, "keys", line("ward-7", "old") + "new\n");
    server.program.send_signal(Signal::HUP);
    let said = server
        .program
        .wait_for_line("the previous version stays in use");
    assert!(said.contains("ERROR") && said.contains("line 2"), "{said}");
    assert_eq!((status(&server, "old"), status(&server, "new")), (200, 401));

    file(&folder, "keys", line("ward-7", "new"));
    server.program.send_signal(Signal::HUP);
    server.program.wait_for_line("reloaded");
    assert_eq!((status(&server, "old"), status(&server, "new")), (401, 200));
}

#[test]
fn keys_that_were_replaced_are_found_though_nobody_asks() {
    let (model, folder) = (small::model(), TempDir::new().unwrap());
    let keys = file(&folder, "keys", line("ward-7", "old"));
    let mut server = Daemon::start(
        model.path(),
        &[&flag("api-keys", &keys), "--reload-interval=100ms"],
    );
    file(&folder, "keys", line("ward-7", "new"));
    server.program.wait_for_line("reloaded");
    assert_eq!(with_key(server.get("/v1/model"), "new").send().status, 200);
}
