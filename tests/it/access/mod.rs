//! Tests of who may use a server, from where and over what, and of the audit log.

mod audit;
mod browsers;
mod keys;
mod tls;

use std::path::{Path, PathBuf};

use lungfield_support::sha256;
use lungfield_testing::small;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::client::Call;
use crate::program::{Daemon, serve};

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
        let (status, said) = serve(model.path(), &flags).wait_for_end();
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
    assert!(open.wait_for_line("WARN").contains("no keys and no TLS"));
    let mut guarded = serve(model.path(), &["--listen=0.0.0.0:0", &keys]);
    assert!(guarded.wait_for_line("WARN").contains("no TLS"));
    let server = Daemon::start(model.path(), &["--drain-delay=0s"]);
    server.program.send_signal(Signal::TERM);
    let (_, said) = server.program.wait_for_end();
    assert!(!said.iter().any(|line| line.contains("WARN")), "{said:#?}");
}
