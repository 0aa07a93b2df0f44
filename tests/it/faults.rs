//! Tests of faults around a running server: changed weights, a full disk, signals under load, and a killed process.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use lungfield_model::manifest::WEIGHTS;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Call, Reply};
use crate::program::{Daemon, serve, serve_silently};
use crate::server::eventually;
use lungfield_testing::small;

const NO_DELAY: &str = "--drain-delay=0s";
/// Callers at the same time: enough that a film is always in flight.
const CALLERS: usize = 4;

#[test]
fn weights_that_change_on_disk_change_nothing_until_a_restart_which_refuses_them() {
    let (model, film) = (small::model(), small::film(1, 96));
    let server = Daemon::start(model.path(), &[NO_DELAY]);
    let before = server.film(&film).send().mask();
    let weights = model.path().join(WEIGHTS);
    // The file is overwritten in place, then deleted.
    fs_err::write(&weights, b"nonsense").unwrap();
    assert_eq!(server.film(&film).send().mask(), before);
    fs_err::remove_file(&weights).unwrap();
    assert_eq!(server.film(&film).send().mask(), before);
    assert_eq!(server.get("/health/ready").send().status, 200);

    fs_err::write(&weights, b"nonsense").unwrap();
    let (status, log) = serve(model.path(), &[]).wait_for_end();
    assert_eq!(status.code(), Some(1));
    assert!(log[0].contains("sha256"), "{log:#?}");
}

#[test]
fn a_log_that_takes_nothing_more_keeps_nobody_from_his_answer() {
    let (model, film) = (small::model(), small::film(2, 96));
    // The log can't tell the port, so the test chooses it.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let full = fs_err::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let _server = serve_silently(
        model.path(),
        address,
        std::process::Stdio::from(full.into_file()),
    );
    let ask = || {
        Call::new("POST", address, "/v1/segment")
            .body(film.clone())
            .try_send()
    };
    eventually("it serves", || ask().is_ok_and(|reply| reply.status == 200));
    for _ in 0..10 {
        ask().unwrap().segmented();
    }
}

/// Sends films from several callers until the server is gone, calls `meanwhile` after the first response, and returns
/// all responses.
fn ask_until_gone(address: SocketAddr, film: &[u8], meanwhile: impl FnOnce()) -> Vec<Reply> {
    let gone = AtomicBool::new(false);
    let (sender, replies) = channel();
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            let (gone, sender) = (&gone, sender.clone());
            scope.spawn(move || {
                while !gone.load(Ordering::Relaxed) {
                    match Call::new("POST", address, "/v1/segment")
                        .body(film)
                        .try_send()
                    {
                        Ok(reply) => sender.send(reply).unwrap(),
                        Err(_nobody) => gone.store(true, Ordering::Relaxed),
                    }
                }
            });
        }
        drop(sender);
        let first = replies.recv().unwrap();
        assert_eq!(first.status, 200);
        meanwhile();
        std::iter::once(first).chain(replies.iter()).collect()
    })
}

#[test]
fn a_signal_under_load_ends_the_server_well_and_whoever_was_let_in_is_answered() {
    let (model, film) = (small::model(), small::film(3, 96));
    for signal in [Signal::TERM, Signal::INT] {
        let server = Daemon::start(model.path(), &["--drain-delay=300ms"]);
        let expected = server.film(&film).send().mask();
        let replies = ask_until_gone(server.address, &film, || server.program.send_signal(signal));
        for reply in &replies {
            match reply.status {
                200 => assert_eq!(reply.mask(), expected),
                _ => reply.assert_problem(503, "draining"),
            }
        }
        assert!(replies.len() > CALLERS, "films were in flight");
        let (status, log) = server.program.wait_for_end();
        assert_eq!(status.code(), Some(0), "{log:#?}");
        assert!(log.iter().any(|line| line.contains("drained")), "{log:#?}");
    }
}

#[test]
fn a_server_that_is_killed_leaves_nothing_behind_that_the_next_one_minds() {
    let (model, film, temporary) = (small::model(), small::film(4, 96), TempDir::new().unwrap());
    let audit = temporary.path().join("audit.jsonl");
    let flags = [
        NO_DELAY.to_owned(),
        format!("--audit-log={}", audit.display()),
    ];
    let flags = flags.each_ref().map(String::as_str);
    let server = Daemon::start(model.path(), &flags);
    let address = format!("--listen={}", server.address);
    let expected = server.film(&film).send().mask();
    let replies = ask_until_gone(server.address, &film, || {
        server.program.send_signal(Signal::KILL);
    });
    assert!(
        replies.iter().all(|reply| reply.mask() == expected),
        "no response was cut short"
    );
    assert_eq!(server.program.wait_for_end().0.code(), None);

    let next = Daemon::start(model.path(), &[&address, flags[0], flags[1]]);
    assert_eq!(next.film(&film).send().mask(), expected);
    // A line is written whole or not at all.
    for line in fs_err::read_to_string(&audit).unwrap().lines() {
        assert!(
            serde_json::from_str::<Value>(line).unwrap().is_object(),
            "{line}"
        );
    }
}

#[test]
fn operators_are_answered_while_the_server_drains() {
    let (model, film) = (small::model(), small::film(5, 96));
    let mut server = Daemon::start(model.path(), &[NO_DELAY]);
    let _begun = server.half_way(&film);
    server.program.send_signal(Signal::TERM);
    server.program.wait_for_line("draining drain_timeout_ms");
    assert!(server.metrics().contains("lungfield_ready 0"));
    assert_eq!(server.operators("/health/live").send().status, 200);
    server
        .operators("/health/ready")
        .send()
        .assert_problem(503, "draining");
}
