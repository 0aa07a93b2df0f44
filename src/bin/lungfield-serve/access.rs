//! Reads what the settings of access name: keys, certificates and the audit log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use lungfield::config::AccessSettings;
use lungfield::http::{Access, Audit, AuditKey, AuditSink, Keys};
use lungfield::server::reload::{FromFiles, Reload};
use lungfield::server::tls::{self, Pem};
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;

/// Who may send requests, and how, as read from files.
pub(crate) struct LoadedAccess {
    /// What requests are checked against.
    pub(crate) access: Access,
    /// The TLS configuration, where there is one.
    pub(crate) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    /// What is read again when its files have changed.
    pub(crate) reloads: Vec<Box<dyn Reload>>,
}

impl LoadedAccess {
    /// Reads everything for the first time, so that a file that cannot be used is reported before anything is served.
    pub(crate) fn read(settings: &AccessSettings) -> anyhow::Result<Self> {
        let keys = settings.api_keys.as_deref().map(keys).transpose()?;
        let tls = tls_config(settings)?;
        let origins = settings.cors_origin.iter().map(|origin| origin.parse());
        let audit = settings.audit_log.as_deref();
        let access = Access {
            keys: keys.as_ref().map(FromFiles::watch),
            origins: origins.collect::<Result<_, _>>()?,
            tls: tls.is_some(),
            audit: audit.map(|log| audit_log(log, settings)).transpose()?,
        };
        let config = tls.as_ref().map(FromFiles::watch);
        let mut reloads: Vec<Box<dyn Reload>> = Vec::new();
        reloads.extend(keys.map(|keys| Box::new(keys) as Box<dyn Reload>));
        reloads.extend(tls.map(|tls| Box::new(tls) as Box<dyn Reload>));
        Ok(Self {
            access,
            tls: config,
            reloads,
        })
    }
}

fn keys(file: &Path) -> anyhow::Result<FromFiles<Keys>> {
    FromFiles::read("the API keys", vec![file.to_owned()], |files| {
        let text = std::str::from_utf8(&files[0]).context("the file is not UTF-8")?;
        Ok(Keys::parse(text)?)
    })
}

fn tls_config(settings: &AccessSettings) -> anyhow::Result<Option<FromFiles<ServerConfig>>> {
    let (Some(chain), Some(key)) = (&settings.tls_cert, &settings.tls_key) else {
        return Ok(None);
    };
    let files: Vec<PathBuf> = [chain, key]
        .into_iter()
        .chain(&settings.tls_client_ca)
        .cloned()
        .collect();
    let make = |files: &[Vec<u8>]| {
        Ok(tls::config(Pem {
            chain: &files[0],
            key: &files[1],
            client_authorities: files.get(2).map(Vec::as_slice),
        })?)
    };
    FromFiles::read("the TLS certificate", files, make).map(Some)
}

fn audit_log(log: &Path, settings: &AccessSettings) -> anyhow::Result<Audit> {
    let sink = if log == Path::new("-") {
        AuditSink::Stdout
    } else {
        AuditSink::File(log.to_owned())
    };
    let secret = match &settings.audit_key {
        Some(file) => fs_err::read(file).context("cannot read the audit key")?,
        None => rand::random::<[u8; 32]>().to_vec(),
    };
    let Some(key) = AuditKey::new(secret.trim_ascii()) else {
        bail!("the audit key has less than 16 bytes");
    };
    let audit = Audit::new(sink, key);
    audit.check().context("cannot write the audit log")?;
    Ok(audit)
}
