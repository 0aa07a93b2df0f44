//! Tests of TLS and of client certificates.

use lungfield_testing::small;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::Signal;
use tempfile::TempDir;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::{file, flag};
use crate::program::Daemon;

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
    server.program.send_signal(Signal::HUP);
    server
        .program
        .wait_for_line("the previous version stays in use"); // it does not fit the key
    assert!(ask(&server, &old) && !ask(&server, &new));
    file(&folder, "key.pem", its_key);
    server.program.send_signal(Signal::HUP);
    server.program.wait_for_line("reloaded");
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
