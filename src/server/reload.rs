//! Reads keys and certificates again while the server runs. A file that cannot be used changes nothing.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

/// A value that is made from files, and made again when they have changed.
///
/// ```
/// use lungfield::server::reload::{FromFiles, Reload};
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("number");
/// std::fs::write(&file, "1")?;
/// let mut number: FromFiles<u32> = FromFiles::read("the number", vec![file.clone()], |files| {
///     Ok(std::str::from_utf8(&files[0])?.parse()?)
/// })?;
/// let current = number.watch();
///
/// std::fs::write(&file, "2")?;
/// number.reload();
/// assert_eq!(**current.borrow(), 2);
///
/// // What cannot be used changes nothing.
/// std::fs::write(&file, "three")?;
/// number.reload();
/// assert_eq!(**current.borrow(), 2);
/// # Ok::<_, anyhow::Error>(())
/// ```
pub struct FromFiles<T> {
    name: &'static str,
    files: Vec<PathBuf>,
    make: fn(&[Vec<u8>]) -> anyhow::Result<T>,
    /// The contents of the files when they were last read.
    seen: Vec<Vec<u8>>,
    current: watch::Sender<Arc<T>>,
}

impl<T> fmt::Debug for FromFiles<T> {
    /// Names the files; their contents may be secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FromFiles")
            .field("name", &self.name)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl<T> FromFiles<T> {
    /// Reads the files for the first time. `make` gets their contents in the order of `files`.
    ///
    /// # Errors
    /// Where a file cannot be read, or `make` cannot use its contents. The text begins with `name`.
    pub fn read(
        name: &'static str,
        files: Vec<PathBuf>,
        make: fn(&[Vec<u8>]) -> anyhow::Result<T>,
    ) -> anyhow::Result<Self> {
        let seen = contents(&files).with_context(|| format!("cannot read {name}"))?;
        let first =
            make(&seen).with_context(|| format!("cannot use {name} ({})", paths(&files)))?;
        Ok(Self {
            name,
            files,
            make,
            seen,
            current: watch::Sender::new(Arc::new(first)),
        })
    }

    /// Returns a receiver of the current value and of every later one.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<T>> {
        self.current.subscribe()
    }
}

/// A value that can be read again.
pub trait Reload: Send {
    /// Reads the files, and replaces the value where they have changed and can be used.
    fn reload(&mut self);
}

impl<T: Send + Sync> Reload for FromFiles<T> {
    fn reload(&mut self) {
        let name = self.name;
        let found = match contents(&self.files) {
            Ok(found) if found == self.seen => return,
            Ok(found) => found,
            Err(error) => {
                return tracing::error!(error = %format!("{error:#}"), "cannot read {name}; the previous version stays in use");
            }
        };
        match (self.make)(&found) {
            Ok(made) => {
                self.current.send_replace(Arc::new(made));
                tracing::info!("reloaded {name}");
            }
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), "cannot use {name}; the previous version stays in use");
            }
        }
        // Contents that cannot be used are logged once.
        self.seen = found;
    }
}

/// Reloads everything when `requests` receives a message, and once every `interval`: a file that is replaced below a container
/// sends no signal.
pub async fn keep_fresh(
    mut values: Vec<Box<dyn Reload>>,
    mut requests: mpsc::Receiver<()>,
    interval: Duration,
) -> Infallible {
    let start = tokio::time::Instant::now() + interval;
    let mut ticks = tokio::time::interval_at(start, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(()) = requests.recv() => {}
            _ = ticks.tick() => {}
        }
        // A few small files: to read them takes less than to hand them to another thread.
        for value in &mut values {
            value.reload();
        }
    }
}

fn contents(files: &[PathBuf]) -> std::io::Result<Vec<Vec<u8>>> {
    files.iter().map(fs_err::read).collect()
}

fn paths(files: &[PathBuf]) -> String {
    let paths: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    paths.join(", ")
}
