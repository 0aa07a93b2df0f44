//! Segments whole archives of chest radiographs, in folders or in S3 buckets.
//!
//! A run lists its films once and numbers them ([`ledger`]). It segments a few films at a time, in that order ([`film`]),
//! writes each mask at once, and keeps the rows of the result table in small files. At the end it writes all rows as one
//! CSV file and one Parquet file ([`table`]). A run that was stopped or killed continues after the last row that was kept.
//! Memory depends on the number of films in flight, not on the size of the archive.
//!
//! Several workers can share an archive, each with a [`shard`] of its films.
//!
//! # Examples
//! Lists the films of a folder, and those that belong to the first of two workers:
//! ```
//! use futures_util::TryStreamExt;
//! use lungfield_archive::{address::Address, files::Files, shard::Shard, sources::Sources};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let folder = tempfile::tempdir()?;
//! for name in ["a.png", "b.dcm", ".hidden.png"] {
//!     std::fs::write(folder.path().join(name), b"a film")?;
//! }
//! let input = folder.path().display().to_string();
//! let (files, out) = (Files::default(), Address::parse("/results")?);
//! let sources = Sources::resolve(&[input], None, &out, &files).await?;
//! let films: Vec<_> = sources.find(&files).try_collect().await?;
//! assert_eq!(films.len(), 2); // hidden files are skipped
//!
//! let first: Shard = "0/2".parse()?;
//! let second: Shard = "1/2".parse()?;
//! assert!(films.iter().all(|film| first.holds(&film.file) != second.holds(&film.file)));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

pub mod address;
pub mod files;
pub mod film;
pub mod ledger;
pub mod row;
pub mod settings;
pub mod shard;
pub mod sources;
pub mod table;

use std::future::Future;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt};

use self::film::{Broken, Worker};
use self::ledger::{Ledger, LedgerError};
use self::row::Row;

/// The number of rows at which they are kept.
const MAX_ROWS: usize = 32;
/// The age of the oldest row at which rows are kept.
const MAX_AGE: Duration = Duration::from_secs(2);

/// Why a run failed. Started again, it continues after the last row that was kept.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The model or a store fails, so that no film can be segmented.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The ledger can't be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// Every film has a row.
    Finished,
    /// The run was asked to stop before every film had a row.
    Stopped,
}

/// Segments the films of a ledger that have no row yet, `in_flight` at a time.
///
/// When `stop` completes, no further film is started, and those in flight are finished. `observe` is called after each film
/// with the number of films that have a row, and the number of films of this call that have no mask.
///
/// # Errors
/// Returns an error if the model or a store fails, or if rows can't be kept. The rows of films that were finished before
/// are kept first.
pub async fn run(
    worker: &Worker<'_>,
    ledger: &Ledger<'_>,
    in_flight: NonZeroUsize,
    stop: impl Future<Output = ()>,
    observe: &mut dyn FnMut(u64, u64),
) -> Result<RunOutcome, RunError> {
    let mut buffer = RowBuffer {
        ledger,
        kept: ledger.rows_kept().await?,
        rows: Vec::new(),
        since: Instant::now(),
    };
    let films = ledger
        .films_from(buffer.kept)
        .map_err(RunError::from)
        .take_until(stop);
    let rows = films.map_ok(|found| async { Ok(worker.film(found).await?) });
    let mut rows = std::pin::pin!(rows.try_buffered(in_flight.get()));
    let mut failed = 0;
    let ended = loop {
        match rows.next().await {
            Some(Ok(row)) => {
                failed += u64::from(row.error.is_some());
                buffer.add(row).await?;
                observe(buffer.done(), failed);
            }
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    buffer.keep().await?;
    ended?;
    Ok(if buffer.done() == ledger.films() {
        RunOutcome::Finished
    } else {
        RunOutcome::Stopped
    })
}

/// Rows that wait to be kept in the ledger, several in a file.
struct RowBuffer<'a> {
    ledger: &'a Ledger<'a>,
    /// The number of rows in the ledger.
    kept: u64,
    rows: Vec<Row>,
    /// When the first of `rows` was added.
    since: Instant,
}

impl RowBuffer<'_> {
    /// Returns the number of rows, kept or waiting.
    fn done(&self) -> u64 {
        self.kept + self.rows.len() as u64
    }

    /// Adds a row, and keeps all that wait if there are enough or they have waited long enough.
    async fn add(&mut self, row: Row) -> Result<(), LedgerError> {
        if self.rows.is_empty() {
            self.since = Instant::now();
        }
        self.rows.push(row);
        if self.rows.len() >= MAX_ROWS || self.since.elapsed() >= MAX_AGE {
            self.keep().await?;
        }
        Ok(())
    }

    /// Writes the rows that wait to the ledger.
    async fn keep(&mut self) -> Result<(), LedgerError> {
        if !self.rows.is_empty() {
            self.ledger.keep(self.kept, &self.rows).await?;
            self.kept += self.rows.len() as u64;
            self.rows.clear();
        }
        Ok(())
    }
}
