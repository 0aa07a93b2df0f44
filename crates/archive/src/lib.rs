//! Decides how a whole archive is segmented: which films, in which order, how many at a time, and what is kept of each.
//!
//! A run finds its films once and numbers them ([`ledger`]); it segments a few at a time, in their order, writes each mask as it comes and
//! keeps the rows in small files; and puts all rows together at the end ([`table`]). Started again it goes on behind the last row that was
//! kept. Memory depends on how many films are in flight, not on how many there are.

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

/// Rows are kept when there are this many,
const ROWS: usize = 32;
/// or the first of them has waited this long.
const ROWS_WAIT: Duration = Duration::from_secs(2);

/// Why a run stopped before its end. Started again, it goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Films can't be segmented any more.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// What is done can't be kept.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every film has a row.
    Finished,
    /// It was asked to stop.
    Stopped,
}

/// Segments the films of a ledger that have no row yet, `in_flight` at a time, until `stop` completes; those in flight are finished then.
/// `observe` hears how many films are done, and of those of this run how many failed.
pub async fn run(
    worker: &Worker<'_>,
    ledger: &Ledger<'_>,
    in_flight: NonZeroUsize,
    stop: impl Future<Output = ()>,
    observe: &mut dyn FnMut(u64, u64),
) -> Result<Ended, RunError> {
    let mut kept = Kept {
        ledger,
        first: ledger.rows_kept().await?,
        waiting: Vec::new(),
        since: Instant::now(),
    };
    let films = ledger
        .films_from(kept.first)
        .map_err(RunError::from)
        .take_until(stop);
    let rows = films.map_ok(|found| async { Ok(worker.film(found).await?) });
    let mut rows = std::pin::pin!(rows.try_buffered(in_flight.get()));
    let mut failed = 0;
    let ended = loop {
        match rows.next().await {
            Some(Ok(row)) => {
                failed += u64::from(row.error.is_some());
                kept.add(row).await?;
                observe(kept.done(), failed);
            }
            Some(Err(error)) => break Err(error),
            None => break Ok(()),
        }
    };
    kept.keep().await?;
    ended?;
    Ok(if kept.done() == ledger.films() {
        Ended::Finished
    } else {
        Ended::Stopped
    })
}

/// Rows that are kept, and those that are about to be.
struct Kept<'a> {
    ledger: &'a Ledger<'a>,
    first: u64,
    waiting: Vec<Row>,
    since: Instant,
}

impl Kept<'_> {
    fn done(&self) -> u64 {
        self.first + self.waiting.len() as u64
    }

    async fn add(&mut self, row: Row) -> Result<(), LedgerError> {
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        self.waiting.push(row);
        if self.waiting.len() >= ROWS || self.since.elapsed() >= ROWS_WAIT {
            self.keep().await?;
        }
        Ok(())
    }

    async fn keep(&mut self) -> Result<(), LedgerError> {
        if !self.waiting.is_empty() {
            self.ledger.keep(self.first, &self.waiting).await?;
            self.first += self.waiting.len() as u64;
            self.waiting.clear();
        }
        Ok(())
    }
}
