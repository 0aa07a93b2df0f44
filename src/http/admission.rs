//! Decides which requests are taken in: by the server's phase, by the queue, and by the bytes that are held already.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::App;
use super::problem::ApiError;
use crate::config::ByteBudget;
use lungfield_engine::{EngineError, Health};

/// How far a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It still serves, but says that it is not ready, so that load balancers turn away.
    Leaving,
    /// It answers what it has and takes no more.
    Draining,
}

/// The bytes that bodies, or answers, may still take.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    whole: ByteBudget,
    left: Arc<Semaphore>,
}

/// What one body or one answer has taken of a budget; dropping it gives that back.
#[derive(Debug)]
pub(super) struct Charge {
    left: Arc<Semaphore>,
    taken: AtomicU32,
}

/// The budget is spent.
#[derive(Debug)]
pub(super) struct BudgetSpent;

/// The budget as a semaphore counts it.
fn count(budget: ByteBudget) -> usize {
    usize::try_from(budget.bytes()).expect("a budget is below 4 GiB")
}

impl Budget {
    pub(super) fn new(budget: ByteBudget) -> Self {
        Self {
            whole: budget,
            left: Arc::new(Semaphore::new(count(budget))),
        }
    }

    /// The bytes that are held.
    pub(super) fn used(&self) -> u64 {
        self.whole.bytes() - self.left.available_permits() as u64
    }

    /// All that may be held.
    pub(super) fn bytes(&self) -> u64 {
        self.whole.bytes()
    }

    /// An answer, on this budget until it has left. One that is larger than all of it takes all of it.
    pub(super) fn hold(&self, mut bytes: Vec<u8>) -> Result<Bytes, BudgetSpent> {
        bytes.shrink_to_fit();
        let charge = Arc::new(self.charge());
        charge.take(bytes.len().min(count(self.whole)))?;
        Ok(charge.hold(bytes))
    }

    /// A charge of nothing yet.
    pub(super) fn charge(&self) -> Charge {
        Charge {
            left: Arc::clone(&self.left),
            taken: AtomicU32::new(0),
        }
    }
}

impl Charge {
    /// Takes as many bytes as have arrived, or none.
    pub(super) fn take(&self, bytes: usize) -> Result<(), BudgetSpent> {
        let bytes = u32::try_from(bytes).map_err(|_| BudgetSpent)?;
        let permit = self.left.try_acquire_many(bytes).map_err(|_| BudgetSpent)?;
        permit.forget(); // given back when the charge is dropped
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Bytes that were charged here; their share of the budget goes back when the last reader is done with them.
    pub(super) fn hold(self: &Arc<Self>, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held {
            bytes,
            _charge: Arc::clone(self),
        })
    }
}

#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    _charge: Arc<Charge>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.left
            .add_permits(self.taken.load(Ordering::Relaxed) as usize);
    }
}

/// Whether a film may come in now; asked before its body is read.
pub(super) fn admit(app: &App) -> Result<(), ApiError> {
    let engine = app.pipeline.engine();
    // Copied out first: the queue tells of its health under its own lock, which `is_full` takes as well.
    let (health, phase) = (*engine.health().borrow(), *app.phase.borrow());
    match (health, phase) {
        (Health::Failed, _) => Err(EngineError::Stopped.into()),
        (Health::Draining, _) | (_, Phase::Draining) => Err(ApiError::Draining),
        (Health::Running, _) if engine.is_full() => Err(EngineError::Overloaded.into()),
        (Health::Running, Phase::Serving | Phase::Leaving) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let budget = Budget::new(ByteBudget::new(100).unwrap());
        let charge = budget.charge();
        charge.take(60).unwrap();
        assert_eq!(budget.used(), 60);
        assert!(budget.charge().take(41).is_err());
        charge.take(40).unwrap();
        assert!(charge.take(1).is_err());
        let held = Arc::new(charge).hold(vec![0; 100]);
        assert!(budget.charge().take(1).is_err());
        drop(held);
        budget.charge().take(100).unwrap();
    }

    #[test]
    fn an_answer_that_is_larger_than_all_takes_all() {
        let budget = Budget::new(ByteBudget::new(100).unwrap());
        let large = budget.hold(vec![7; 1000]).unwrap();
        assert_eq!((budget.used(), large.len()), (100, 1000));
        assert!(budget.hold(vec![7]).is_err());
        drop(large);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_budget_has_bounds() {
        assert_eq!(ByteBudget::new(0), None);
        assert_eq!(ByteBudget::new(1 << 32), None);
        assert_eq!(
            ByteBudget::new(1 << 30).map(ByteBudget::bytes),
            Some(1 << 30)
        );
    }
}
