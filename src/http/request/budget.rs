//! Budgets of bytes, which bound the memory of request bodies and of responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::config::ByteBudget;

/// A number of bytes of which charges take their part while they are held.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    total: ByteBudget,
    left: Arc<Semaphore>,
}

/// What one body or one response has taken of a budget. Dropping it gives that back.
#[derive(Debug)]
pub(crate) struct Charge {
    left: Arc<Semaphore>,
    taken: AtomicU32,
}

/// Nothing is left of a budget.
#[derive(Debug)]
pub(crate) struct BudgetSpent;

/// Returns a budget as a semaphore counts it.
fn permits(budget: ByteBudget) -> usize {
    usize::try_from(budget.bytes()).expect("a budget is below 4 GiB")
}

impl Budget {
    /// Creates a budget of which nothing is taken.
    pub(crate) fn new(budget: ByteBudget) -> Self {
        Self {
            total: budget,
            left: Arc::new(Semaphore::new(permits(budget))),
        }
    }

    /// Returns the bytes that are taken.
    pub(crate) fn used(&self) -> u64 {
        self.total.bytes() - self.left.available_permits() as u64
    }

    /// Returns all bytes of the budget.
    pub(crate) fn bytes(&self) -> u64 {
        self.total.bytes()
    }

    /// Charges a response, whose bytes are given back when the last reader is done with them. One that is larger than the whole
    /// budget takes all of it.
    pub(crate) fn hold(&self, mut bytes: Vec<u8>) -> Result<Bytes, BudgetSpent> {
        bytes.shrink_to_fit();
        let charge = Arc::new(self.charge());
        charge.take(bytes.len().min(permits(self.total)))?;
        Ok(charge.hold(bytes))
    }

    /// Creates a charge that has taken nothing yet.
    pub(crate) fn charge(&self) -> Charge {
        Charge {
            left: Arc::clone(&self.left),
            taken: AtomicU32::new(0),
        }
    }
}

impl Charge {
    /// Takes so many bytes more, or none where fewer are left.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), BudgetSpent> {
        let bytes = u32::try_from(bytes).map_err(|_| BudgetSpent)?;
        let permit = self.left.try_acquire_many(bytes).map_err(|_| BudgetSpent)?;
        permit.forget(); // given back when the charge is dropped
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Returns bytes that are charged here already. They keep the charge until the last reader is done with them.
    pub(crate) fn hold(self: &Arc<Self>, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held {
            bytes,
            _charge: Arc::clone(self),
        })
    }
}

/// Bytes with the charge that they were taken from.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(bytes: u64) -> Budget {
        Budget::new(ByteBudget::new(bytes).unwrap())
    }

    #[test]
    fn what_is_taken_is_given_back() {
        let budget = budget(100);
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
    fn a_response_that_is_larger_than_the_budget_takes_all_of_it() {
        let budget = budget(100);
        let large = budget.hold(vec![7; 1000]).unwrap();
        assert_eq!((budget.used(), large.len()), (100, 1000));
        assert!(budget.hold(vec![7]).is_err());
        drop(large);
        assert_eq!(budget.used(), 0);
    }
}
