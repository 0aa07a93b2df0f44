//! Shares the CPU's threads among the forward passes that run at a time.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::device::set_threads;

/// The CPU threads that the forward passes of several model threads share.
///
/// Two passes that both use all cores wait for each other at every layer. Two passes that use half of the cores each do
/// not.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    all: NonZeroUsize,
    /// The largest number of passes at a time.
    passes: NonZeroUsize,
    busy: Arc<AtomicUsize>,
}

impl Cores {
    /// Creates a share of `all` threads for at most `passes` passes at a time.
    pub(crate) fn new(all: NonZeroUsize, passes: NonZeroUsize) -> Self {
        Self {
            all,
            passes,
            busy: Arc::default(),
        }
    }

    /// Returns every number of threads that a pass may get, the largest first.
    pub(crate) fn shares(&self) -> Vec<NonZeroUsize> {
        let mut shares: Vec<_> = (1..=self.passes.get())
            .map(|running| share(self.all, running))
            .collect();
        shares.dedup();
        shares
    }

    /// Runs a pass on its share of the threads, which `run` is told. The share depends on how many passes run when it
    /// begins.
    pub(crate) fn pass<T>(&self, run: impl FnOnce(NonZeroUsize) -> T) -> T {
        let running = self.busy.fetch_add(1, Ordering::Relaxed) + 1;
        let _running = Running(&self.busy);
        let threads = share(self.all, running);
        set_threads(threads);
        run(threads)
    }
}

/// A pass that runs. Dropping it ends the pass, also where it unwinds.
struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the share of `all` threads for one of `running` passes, at least one.
fn share(all: NonZeroUsize, running: usize) -> NonZeroUsize {
    NonZeroUsize::new(all.get() / running.max(1)).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_alone_has_all_threads_and_one_of_many_has_one() {
        let four = NonZeroUsize::new(4).unwrap();
        assert_eq!(
            [1, 2, 3, 4, 9].map(|running| share(four, running).get()),
            [4, 2, 1, 1, 1]
        );
        let shares = |passes| {
            let cores = Cores::new(four, NonZeroUsize::new(passes).unwrap());
            cores
                .shares()
                .into_iter()
                .map(NonZeroUsize::get)
                .collect::<Vec<_>>()
        };
        assert_eq!(shares(4), [4, 2, 1]);
        assert_eq!(shares(1), [4], "what can't come need not be warmed up");
    }

    #[test]
    fn a_pass_that_unwinds_makes_room() {
        let cores = Cores::new(NonZeroUsize::MIN, NonZeroUsize::MIN);
        let broken = cores.clone();
        assert!(
            std::thread::spawn(move || broken.pass(|_| panic!("a pass broke")))
                .join()
                .is_err()
        );
        assert_eq!(cores.busy.load(Ordering::Relaxed), 0);
        assert_eq!(cores.pass(|_| cores.busy.load(Ordering::Relaxed)), 1);
    }
}
