//! The audit log: one line of JSON for every request to the API, with its caller, its time and its outcome.
//!
//! A line has no patient data. It names the film by a keyed hash, which only somebody who has the film and the key can compute: a
//! plain hash would let anybody who has a film find out that a hospital sent it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use lungfield_codec::ModelIdentity;

/// The least length of a key in bytes, so that it cannot be guessed.
const MIN_KEY_BYTES: usize = 16;

/// Where the lines of the audit log are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditSink {
    /// To standard output.
    Stdout,
    /// To the end of this file, which is created where it is missing. It is opened for each line, so it can be rotated at any time.
    File(PathBuf),
}

/// The key of the hashes of films.
///
/// ```
/// use lungfield::http::AuditKey;
///
/// assert!(AuditKey::new(b"sixteen bytes ok").is_some());
/// assert!(AuditKey::new(b"too short").is_none());
/// ```
#[derive(Clone)]
pub struct AuditKey(Hmac<Sha256>);

impl AuditKey {
    /// Creates a key, or returns `None` where it has less than 16 bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let key = Hmac::new_from_slice(bytes).expect("HMAC takes a key of any length");
        (bytes.len() >= MIN_KEY_BYTES).then_some(Self(key))
    }
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AuditKey")
    }
}

/// An audit log.
///
/// ```
/// use lungfield::http::{Audit, AuditKey, AuditSink};
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("audit.jsonl");
/// let key = AuditKey::new(b"a secret of some length").expect("16 bytes or more");
/// let audit = Audit::new(AuditSink::File(file.clone()), key);
///
/// // At the start of a server, to find out whether the log can be written.
/// audit.check()?;
/// assert!(file.exists());
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Audit {
    sink: AuditSink,
    key: AuditKey,
}

/// What the audit log will say of a request, as it becomes known.
#[derive(Debug)]
pub(crate) struct Record {
    key: Option<AuditKey>,
    caller: OnceLock<Arc<str>>,
    input: OnceLock<String>,
}

/// The hash of a film whose bytes are still arriving. Without an audit log it does nothing.
pub(crate) struct InputHash {
    hash: Option<Hmac<Sha256>>,
}

/// The end of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) route: &'a str,
    /// `None` where the caller left before the answer.
    pub(crate) status: Option<u16>,
    pub(crate) problem: Option<&'a str>,
    pub(crate) duration: Duration,
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
    /// Creates a log that is written to `sink`. Nothing is opened yet.
    #[must_use]
    pub fn new(sink: AuditSink, key: AuditKey) -> Self {
        Self { sink, key }
    }

    /// Writes nothing to the log, which creates its file where it is missing.
    ///
    /// # Errors
    /// Where a line could not be written either.
    pub fn check(&self) -> std::io::Result<()> {
        self.append(b"")
    }

    /// Writes the line of a request, in one write, so that the lines of several servers in one file do not mix.
    pub(crate) fn write(
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
        duration_ms: outcome.duration.as_secs_f64() * 1e3,
    }
}

impl Record {
    /// Creates the record of a request. Its film will be hashed where there is an audit log.
    pub(crate) fn new(audit: Option<&Audit>) -> Self {
        Self {
            key: audit.map(|audit| audit.key.clone()),
            caller: OnceLock::new(),
            input: OnceLock::new(),
        }
    }

    /// Records the name of the key that the caller has shown.
    pub(crate) fn caller(&self, name: Arc<str>) {
        let _ = self.caller.set(name); // a key is checked once for a request
    }

    /// Starts the hash of the film.
    pub(crate) fn input_hash(&self) -> InputHash {
        InputHash {
            hash: self.key.clone().map(|key| key.0),
        }
    }

    /// Records the hash of the complete film.
    pub(crate) fn input(&self, hash: InputHash) {
        if let Some(hash) = hash.hash {
            let bytes = hash.finalize().into_bytes();
            let _ = self.input.set(base16ct::lower::encode_string(&bytes)); // a request has one film
        }
    }
}

impl InputHash {
    /// Creates a hash of nothing, for bytes that are no film.
    pub(crate) fn none() -> Self {
        Self { hash: None }
    }

    /// Adds bytes to the hash.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
    }
}
