//! Decides who may ask a server, from where and over what, and what is written down of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lungfield::http::{Access, Audit, AuditKey, AuditSink};
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use lungfield_support::sha256;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::client::{Call, Raw};
use crate::program::{Daemon, serve};
use crate::samples::{film, film_of, lungs, some_lungs};
use crate::server::{Server, Setup};
use lungfield_testing::small;

/// A line of a key file.
fn line(name: &str, key: &str) -> String {
    format!("{name} {}\n", sha256::hex(key.as_bytes()))
}

fn with_key(call: Call, key: &str) -> Call {
    call.header("authorization", &format!("Bearer {key}"))
}

/// A file in a folder that is gone with the test.
fn file(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs_err::write(&path, text).unwrap();
    path
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

#[test]
fn a_server_with_keys_answers_whoever_shows_one_and_nobody_else() {
    let (model, folder) = (small::model(), TempDir::new().unwrap());
    let keys = file(
        &folder,
        "keys",
        line("ward-7", "first key") + &line("archive", "second key"),
    );
    let server = Daemon::start(model.path(), &[&flag("api-keys", &keys)]);
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

    for path in ["/v2", "/v2/health/live", "/v2/health/ready"] {
        assert_eq!(server.get(path).send().status, 200, "{path}");
    }
    for path in [
        "/v2/models/any",
        "/v2/models/any/ready",
        "/v2/models/any/infer",
    ] {
        let ask = || {
            if path.ends_with("infer") {
                server.post(path).body("{}")
            } else {
                server.get(path)
            }
        };
        let refused = ask().send();
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (401, &Value::from("unauthorized")),
            "{path}"
        );
        assert_eq!(
            refused.header("www-authenticate"),
            Some("Bearer realm=\"lungfield\"")
        );
        assert_eq!(
            with_key(ask(), "first key").send().json()["code"],
            "unknown_model",
            "{path}"
        );
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
    server.program.tell(Signal::HUP);
    let said = server.program.hear("can't be used; the old counts");
    assert!(said.contains("ERROR") && said.contains("line 2"), "{said}");
    assert_eq!((status(&server, "old"), status(&server, "new")), (200, 401));

    file(&folder, "keys", line("ward-7", "new"));
    server.program.tell(Signal::HUP);
    server.program.hear("read again");
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
    server.program.hear("read again");
    assert_eq!(with_key(server.get("/v1/model"), "new").send().status, 200);
}

/// An authority for tests, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for this machine's own address and its key, in PEM.
    fn sign(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        (
            params.signed_by(&key, &self.0).unwrap().pem(),
            key.serialize_pem(),
        )
    }

    /// The flags of a server with a certificate of this authority, whose files lie in a folder.
    fn certify(&self, folder: &TempDir) -> [String; 2] {
        let (certificate, key) = self.sign();
        [
            flag("tls-cert", &file(folder, "cert.pem", certificate)),
            flag("tls-key", &file(folder, "key.pem", key)),
        ]
    }

    /// A caller that trusts this authority alone, and shows a certificate of its own where it has one.
    fn caller(&self, own: Option<(String, String)>) -> TlsConfig {
        let root = Certificate::from_pem(self.0.pem().as_bytes()).unwrap();
        let own = own.map(|(certificate, key)| {
            let chain = [Certificate::from_pem(certificate.as_bytes()).unwrap()];
            ClientCert::new_with_certs(&chain, PrivateKey::from_pem(key.as_bytes()).unwrap())
        });
        TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[root]))
            .client_cert(own)
            .build()
    }
}

#[test]
fn a_server_with_a_certificate_speaks_tls_alone_and_takes_a_new_one_without_a_restart() {
    let (model, folder) = (small::model(), TempDir::new().unwrap());
    let (old, new) = (Authority::new(), Authority::new());
    let flags = old.certify(&folder);
    let mut server = Daemon::start(model.path(), &flags.each_ref().map(String::as_str));
    let reply = server
        .film(&small::film(1, 64))
        .encrypted(old.caller(None))
        .send();
    reply.segmented();
    assert_eq!(
        reply.header("strict-transport-security"),
        Some("max-age=31536000")
    );
    assert!(server.get("/health/live").try_send().is_err(), "plain HTTP");
    let ask = |server: &Daemon, authority: &Authority| {
        server
            .get("/health/live")
            .encrypted(authority.caller(None))
            .try_send()
            .is_ok_and(|reply| reply.status == 200)
    };
    assert!(!ask(&server, &new), "signed by another");

    let (next, its_key) = new.sign();
    file(&folder, "cert.pem", next);
    server.program.tell(Signal::HUP);
    server.program.hear("can't be used; the old counts"); // it does not fit the key
    assert!(ask(&server, &old) && !ask(&server, &new));
    file(&folder, "key.pem", its_key);
    server.program.tell(Signal::HUP);
    server.program.hear("read again");
    assert!(ask(&server, &new) && !ask(&server, &old));
}

#[test]
fn a_server_that_asks_for_certificates_lets_nobody_in_without_one() {
    let (model, folder) = (small::model(), TempDir::new().unwrap());
    let (ours, theirs) = (Authority::new(), Authority::new());
    let [certificate, key] = ours.certify(&folder);
    let flags = [
        certificate,
        key,
        flag("tls-client-ca", &file(&folder, "ca.pem", ours.0.pem())),
    ];
    let server = Daemon::start(model.path(), &flags.each_ref().map(String::as_str));
    let ask = |own| {
        server
            .get("/v1/model")
            .encrypted(ours.caller(own))
            .try_send()
            .map(|reply| reply.status)
    };
    assert!(ask(None).is_err());
    assert!(ask(Some(theirs.sign())).is_err());
    assert_eq!(ask(Some(ours.sign())).unwrap(), 200);
}

#[test]
fn a_server_whose_keys_or_certificates_can_not_be_used_does_not_start() {
    let (model, folder) = (small::model(), TempDir::new().unwrap());
    let (bad, secret) = (
        file(&folder, "bad", "no key\n"),
        file(&folder, "short", "secret"),
    );
    let audit = flag("audit-log", &folder.path().join("audit"));
    for (flags, part) in [
        (
            vec![flag("api-keys", Path::new("/nowhere/keys"))],
            "/nowhere/keys",
        ),
        (vec![flag("api-keys", &bad)], "line 1"),
        (
            vec![flag("tls-cert", &bad), flag("tls-key", &bad)],
            "there is no certificate",
        ),
        (
            vec![audit, flag("audit-key", &secret)],
            "less than 16 bytes",
        ),
        (
            vec![flag("audit-log", Path::new("/nowhere/audit"))],
            "/nowhere/audit",
        ),
    ] {
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let (status, said) = serve(model.path(), &flags).end();
        assert_eq!(status.code(), Some(1), "{said:#?}");
        assert!(
            matches!(&said[..], [line] if line.contains(part)),
            "{part}: {said:#?}"
        );
    }
}

#[test]
fn a_server_that_others_can_reach_says_what_it_lacks() {
    let (model, folder) = (small::model(), TempDir::new().unwrap());
    let keys = flag("api-keys", &file(&folder, "keys", line("ward-7", "key")));
    let mut open = serve(model.path(), &["--listen=0.0.0.0:0"]);
    assert!(open.hear("WARN").contains("no keys and no TLS"));
    let mut guarded = serve(model.path(), &["--listen=0.0.0.0:0", &keys]);
    assert!(guarded.hear("WARN").contains("no TLS"));
    let server = Daemon::start(model.path(), &["--drain-delay=0s"]);
    server.program.tell(Signal::TERM);
    let (_, said) = server.program.end();
    assert!(!said.iter().any(|line| line.contains("WARN")), "{said:#?}");
}

#[test]
fn pages_of_other_origins_are_let_in_by_name_alone() {
    let access = Access {
        origins: vec!["https://viewer.example".parse().unwrap()],
        ..Access::default()
    };
    let server = Server::guarded(
        FakeSegmenter::new(Behaviour::Echo),
        &Setup::default(),
        access,
    );
    let asked = |server: &Server, origin: &str| {
        let ask = Call::new("OPTIONS", server.address, "/v1/segment").header("origin", origin);
        let ask = ask.header("access-control-request-method", "POST");
        ask.header(
            "access-control-request-headers",
            "content-type,lungfield-timeout-ms",
        )
        .send()
    };
    let allowed = asked(&server, "https://viewer.example");
    assert_eq!(allowed.status, 200);
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("https://viewer.example")
    );
    assert!(
        allowed
            .header("access-control-allow-headers")
            .unwrap()
            .contains("lungfield-timeout-ms")
    );
    for other in [
        "https://viewer.example.evil",
        "http://viewer.example",
        "null",
    ] {
        assert_eq!(
            asked(&server, other).header("access-control-allow-origin"),
            None,
            "{other}"
        );
    }
    // Problems are for the page to read as well.
    let call = server
        .post("/v1/segment")
        .header("origin", "https://viewer.example");
    let reply = call.send();
    reply.assert_problem(400, "empty_body");
    assert_eq!(
        reply.header("access-control-allow-origin"),
        Some("https://viewer.example")
    );
    assert!(
        reply
            .header("access-control-expose-headers")
            .unwrap()
            .contains("lungfield-dice")
    );
}

#[test]
fn without_origins_browsers_are_told_nothing() {
    let server = Server::echo();
    let ask = Call::new("OPTIONS", server.address, "/v1/segment")
        .header("origin", "https://viewer.example");
    let reply = ask.header("access-control-request-method", "POST").send();
    reply.assert_problem(405, "method_not_allowed");
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[test]
fn every_answer_says_what_browsers_must_not_do_with_it() {
    let server = Server::echo();
    let answers = ["/health/live", "/openapi.yaml", "/nothing"].map(|path| server.get(path).send());
    for reply in answers
        .into_iter()
        .chain([server.post("/v1/segment").body(film()).send()])
    {
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(
            reply.header("content-security-policy"),
            Some("default-src 'none'; frame-ancestors 'none'")
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(
            reply.header("strict-transport-security"),
            None,
            "there is no TLS"
        );
    }
}

/// The lines of an audit log.
fn audited(path: &Path) -> Vec<Value> {
    fs_err::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_request_to_the_api_is_accounted_for_and_its_film_known_by_a_keyed_hash() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.jsonl");
    let keys = lungfield::http::Keys::parse(&line("ward-7", "a key")).unwrap();
    let (_kept, keys) = tokio::sync::watch::channel(Arc::new(keys));
    let secret = b"an audit key of some length";
    let audit = Audit::new(
        AuditSink::File(path.clone()),
        AuditKey::new(secret).unwrap(),
    );
    let access = Access {
        keys: Some(keys),
        audit: Some(audit),
        ..Access::default()
    };
    let server = Server::guarded(
        FakeSegmenter::new(Behaviour::Echo),
        &Setup::default(),
        access,
    );
    let film = film();
    with_key(server.post("/v1/segment"), "a key")
        .body(film.clone())
        .send()
        .segmented();
    with_key(server.post("/v1/segment"), "a key")
        .form(&[("image", &film)])
        .send()
        .segmented();
    let other = film_of(&lungs(some_lungs().size(), 5));
    with_key(server.post("/v1/segment"), "a key")
        .body(other)
        .send()
        .segmented();
    server
        .post("/v1/segment")
        .body(film.clone())
        .send()
        .assert_problem(401, "unauthorized");
    with_key(server.post("/v1/segment"), "a key")
        .body(&b"no film"[..])
        .send()
        .assert_problem(415, "unrecognised_image");
    let inference = json!({"inputs": [
        {"name": "image", "shape": [1], "datatype": "BYTES", "data": [BASE64_STANDARD.encode(&film)]}]});
    let inference = server
        .post("/v2/models/a-fake/infer")
        .body(inference.to_string());
    assert_eq!(with_key(inference, "a key").send().status, 200);
    assert_eq!(server.get("/health/live").send().status, 200);

    // Moved away, as a log is that is kept for years.
    fs_err::rename(&path, folder.path().join("audit.1")).unwrap();
    assert_eq!(
        with_key(server.get("/v1/model"), "a key").send().status,
        200
    );
    assert_eq!(audited(&path).len(), 1);
    let lines = audited(&folder.path().join("audit.1"));
    let of = |field: &str| {
        lines
            .iter()
            .map(|line| line[field].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("outcome"),
        [
            "answered", "answered", "answered", "denied", "refused", "answered"
        ]
    );
    let ward = Value::from("ward-7");
    assert_eq!(
        of("caller"),
        [&ward, &ward, &ward, &Value::Null, &ward, &ward].map(Clone::clone)
    );
    assert_eq!(of("code")[3..5], ["unauthorized", "unrecognised_image"]);
    let hashes = of("input_hmac_sha256");
    assert_eq!(hashes[0], hmac_sha256(secret, &film));
    assert_eq!(
        [&hashes[1], &hashes[5]],
        [&hashes[0]; 2],
        "however it was sent"
    );
    assert_ne!(hashes[2], hashes[0]);
    assert!(hashes[3].is_null() && hashes[4].is_string());
    assert!(
        lines
            .iter()
            .all(|line| line["duration_ms"].is_f64() && line["model_version"].is_string())
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
    server.program.hear("missing from the audit log");
    assert!(
        server
            .metrics()
            .contains("lungfield_audit_failures_total 1")
    );
}
