//! Decides what is written down of every request to the API, for whoever must account for it: who asked when, and what came of it.
//!
//! A line holds no patient data. The film is known by a keyed hash, which whoever has both the film and the key can compute again,
//! and nobody else: a plain hash would tell which of one's own films a hospital has sent.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use lungfield_codec::ModelIdentity;

/// The fewest bytes of a key, so that it can't be found by trying.
const SHORTEST_KEY: usize = 16;

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditSink {
    /// To standard output.
    Stdout,
    /// To the end of this file, which is made where it is missing. It is opened for each line, so it may be moved away at any time.
    File(PathBuf),
}

/// The key of the films' hashes.
#[derive(Clone)]
pub struct AuditKey(Hmac<Sha256>);

impl AuditKey {
    /// A key, or `None` where it has less than 16 bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let key = Hmac::new_from_slice(bytes).expect("HMAC takes a key of any length");
        (bytes.len() >= SHORTEST_KEY).then_some(Self(key))
    }
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AuditKey")
    }
}

/// The audit log.
#[derive(Debug)]
pub struct Audit {
    sink: AuditSink,
    key: AuditKey,
}

/// What becomes known of a request while it runs.
#[derive(Debug)]
pub(super) struct Record {
    key: Option<AuditKey>,
    caller: OnceLock<Arc<str>>,
    input: OnceLock<String>,
}

/// A film's hash in the making, where one is asked for.
pub(super) struct InputHash {
    hash: Option<Hmac<Sha256>>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome<'a> {
    pub(super) request_id: &'a str,
    pub(super) route: &'a str,
    /// `None` where the caller left before the answer.
    pub(super) status: Option<u16>,
    pub(super) problem: Option<&'a str>,
    pub(super) took: Duration,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    request_id: &'a str,
    caller: Option<&'a str>,
    route: &'a str,
    input_hmac_sha256: Option<&'a str>,
    model_version: &'a str,
    outcome: &'a str,
    status: Option<u16>,
    code: Option<&'a str>,
    duration_ms: f64,
}

impl Audit {
    /// A log that ends there. Nothing is opened yet.
    #[must_use]
    pub fn new(sink: AuditSink, key: AuditKey) -> Self {
        Self { sink, key }
    }

    /// Whether a line can be written now; an empty one is tried, which leaves nothing behind but the file.
    pub fn try_out(&self) -> std::io::Result<()> {
        self.append(b"")
    }

    /// Writes down how a request ended. One write a line: lines of several servers in one file don't mix.
    pub(super) fn write(
        &self,
        model: &ModelIdentity,
        record: &Record,
        outcome: Outcome<'_>,
    ) -> std::io::Result<()> {
        let line = line(SystemTime::now(), model, record, outcome);
        let mut text = serde_json::to_vec(&line).expect("a line is plain JSON");
        text.push(b'\n');
        self.append(&text)
    }

    fn append(&self, text: &[u8]) -> std::io::Result<()> {
        match &self.sink {
            AuditSink::Stdout => std::io::stdout().lock().write_all(text),
            AuditSink::File(path) => fs_err::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)?
                .write_all(text),
        }
    }
}

fn line<'a>(
    now: SystemTime,
    model: &'a ModelIdentity,
    record: &'a Record,
    outcome: Outcome<'a>,
) -> Line<'a> {
    Line {
        time: humantime::format_rfc3339_millis(now).to_string(),
        request_id: outcome.request_id,
        caller: record.caller.get().map(AsRef::as_ref),
        route: outcome.route,
        input_hmac_sha256: record.input.get().map(String::as_str),
        model_version: &model.version,
        outcome: match outcome.status {
            None => "departed",
            Some(200..=399) => "answered",
            Some(401) => "denied",
            Some(_) => "refused",
        },
        status: outcome.status,
        code: outcome.problem,
        duration_ms: outcome.took.as_secs_f64() * 1e3,
    }
}

impl Record {
    /// Of a request of which nothing is known yet. Its film is hashed where there is an audit log.
    pub(super) fn new(audit: Option<&Audit>) -> Self {
        Self {
            key: audit.map(|audit| audit.key.clone()),
            caller: OnceLock::new(),
            input: OnceLock::new(),
        }
    }

    /// The name of the key that the caller has shown.
    pub(super) fn caller(&self, name: Arc<str>) {
        let _ = self.caller.set(name); // a request passes the guard once
    }

    /// The hash of the film, to which its bytes are added as they come.
    pub(super) fn input_hash(&self) -> InputHash {
        InputHash {
            hash: self.key.clone().map(|key| key.0),
        }
    }

    /// The film is complete.
    pub(super) fn input(&self, hash: InputHash) {
        if let Some(hash) = hash.hash {
            let bytes = hash.finalize().into_bytes();
            let _ = self.input.set(base16ct::lower::encode_string(&bytes)); // a request has one film
        }
    }
}

impl InputHash {
    /// Of what is no film.
    pub(super) fn none() -> Self {
        Self { hash: None }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
    }
}
