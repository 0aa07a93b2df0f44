//! Decides when a file that the server was told of is read again, and what becomes of one that can't be used: nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::connections::Never;

/// Something that is made of files, and made anew when they have changed.
pub(super) struct Live<T> {
    what: &'static str,
    files: Vec<PathBuf>,
    make: fn(&[Vec<u8>]) -> anyhow::Result<T>,
    /// What the files held when they were last looked at.
    seen: Vec<Vec<u8>>,
    current: watch::Sender<Arc<T>>,
}

impl<T> Live<T> {
    /// Reads it for the first time. `make` is given the files' bytes in their order.
    pub(super) fn new(
        what: &'static str,
        files: Vec<PathBuf>,
        make: fn(&[Vec<u8>]) -> anyhow::Result<T>,
    ) -> anyhow::Result<Self> {
        let seen = read(&files).with_context(|| format!("{what} can't be read"))?;
        let first = make(&seen).with_context(|| names(what, &files))?;
        Ok(Self {
            what,
            files,
            make,
            seen,
            current: watch::Sender::new(Arc::new(first)),
        })
    }

    /// Where it is found now, and after every change.
    pub(super) fn watch(&self) -> watch::Receiver<Arc<T>> {
        self.current.subscribe()
    }
}

/// Whatever can be read again.
pub(super) trait Reload: Send {
    /// Reads the files. Where they hold something new that can be used, that counts from now on; else what counted before.
    fn refresh(&mut self);
}

impl<T: Send + Sync> Reload for Live<T> {
    fn refresh(&mut self) {
        let what = self.what;
        let found = match read(&self.files) {
            Ok(found) if found == self.seen => return,
            Ok(found) => found,
            Err(error) => {
                return tracing::error!(error = %format!("{error:#}"), "{what} can't be read; the old counts");
            }
        };
        match (self.make)(&found) {
            Ok(made) => {
                self.current.send_replace(Arc::new(made));
                tracing::info!("{what} read again");
            }
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), "{what} can't be used; the old counts");
            }
        }
        // One that can't be used is told of once.
        self.seen = found;
    }
}

/// Reads everything again when it is asked to, and from time to time: where files are replaced under a container, nobody asks.
pub(super) async fn keep_fresh(
    mut all: Vec<Box<dyn Reload>>,
    mut asked: mpsc::Receiver<()>,
    every: Duration,
) -> Never {
    let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(()) = asked.recv() => {}
            _ = clock.tick() => {}
        }
        // A few small files: what they take is less than handing them to another thread.
        for one in &mut all {
            one.refresh();
        }
    }
}

fn read(files: &[PathBuf]) -> std::io::Result<Vec<Vec<u8>>> {
    files.iter().map(fs_err::read).collect()
}

fn names(what: &str, files: &[PathBuf]) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    format!("{what} can't be used ({})", files.join(", "))
}
