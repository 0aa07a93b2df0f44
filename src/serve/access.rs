//! Decides what the settings of access come to: keys and certificates that are kept fresh, origins, and the audit log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;

use super::reload::{Live, Reload};
use super::tls::{self, Pem};
use crate::config::AccessSettings;
use crate::http::{Access, Audit, AuditKey, AuditSink, Keys};

/// Who may come in, and how.
pub(super) struct Doors {
    /// What requests meet.
    pub(super) access: Access,
    /// How connections are encrypted, where they are.
    pub(super) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    /// What is read again when it has changed.
    pub(super) live: Vec<Box<dyn Reload>>,
}

impl Doors {
    /// Reads everything for the first time: whatever can't be used is told before anything is served.
    pub(super) fn open(settings: &AccessSettings) -> anyhow::Result<Self> {
        let mut live: Vec<Box<dyn Reload>> = Vec::new();
        let keys = settings.api_keys.as_deref().map(keys).transpose()?;
        let tls = encryption(settings)?;
        let access = Access {
            keys: keys.as_ref().map(Live::watch),
            origins: settings
                .cors_origin
                .iter()
                .map(|origin| origin.parse())
                .collect::<Result<_, _>>()?,
            tls: tls.is_some(),
            audit: settings
                .audit_log
                .as_deref()
                .map(|log| audit(log, settings))
                .transpose()?,
        };
        let encrypted = tls.as_ref().map(Live::watch);
        live.extend(keys.map(|keys| Box::new(keys) as Box<dyn Reload>));
        live.extend(tls.map(|tls| Box::new(tls) as Box<dyn Reload>));
        Ok(Self {
            access,
            tls: encrypted,
            live,
        })
    }
}

fn keys(file: &Path) -> anyhow::Result<Live<Keys>> {
    Live::new("the API keys", vec![file.to_owned()], |files| {
        let text = std::str::from_utf8(&files[0]).context("the file is not UTF-8")?;
        Ok(Keys::parse(text)?)
    })
}

fn encryption(settings: &AccessSettings) -> anyhow::Result<Option<Live<ServerConfig>>> {
    let (Some(chain), Some(key)) = (&settings.tls_cert, &settings.tls_key) else {
        return Ok(None);
    };
    let files: Vec<PathBuf> = [chain, key]
        .into_iter()
        .chain(&settings.tls_client_ca)
        .cloned()
        .collect();
    let make = |files: &[Vec<u8>]| {
        let client_authorities = files.get(2).map(Vec::as_slice);
        Ok(tls::config(Pem {
            chain: &files[0],
            key: &files[1],
            client_authorities,
        })?)
    };
    Live::new("the TLS certificate", files, make).map(Some)
}

fn audit(log: &Path, settings: &AccessSettings) -> anyhow::Result<Audit> {
    let sink = if log == Path::new("-") {
        AuditSink::Stdout
    } else {
        AuditSink::File(log.to_owned())
    };
    let secret = match &settings.audit_key {
        Some(file) => fs_err::read(file).context("the audit key can't be read")?,
        None => rand::random::<[u8; 32]>().to_vec(),
    };
    let Some(key) = AuditKey::new(secret.trim_ascii()) else {
        bail!("the audit key has less than 16 bytes");
    };
    let audit = Audit::new(sink, key);
    audit.try_out().context("the audit log can't be written")?;
    Ok(audit)
}
