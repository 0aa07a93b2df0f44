//! Decides which cases each iteration sees, and makes their batches ahead of the network on a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::augment::{AugmentOptions, Varied, vary};
use super::sample::Sample;

/// Batches that may wait for the network.
const AHEAD: usize = 4;

/// What decides the batches of a run; nothing else does.
#[derive(Clone, Copy, Debug)]
pub struct FeedOptions {
    /// Films in a batch.
    pub batch_size: usize,
    /// Batches in all.
    pub iterations: u32,
    /// The seed of the order and of the variations.
    pub seed: u64,
    /// How films are varied.
    pub augment: AugmentOptions,
}

/// The places in the data set of the films of one iteration.
///
/// The films of all iterations, one after another, are shuffled passes over the data set: every film is seen once
/// before any is seen again.
#[must_use]
pub fn picks(iteration: u32, batch_size: usize, cases: usize, seed: u64) -> Vec<usize> {
    let first = iteration as usize * batch_size;
    (first..first + batch_size).map(|place| shuffled(place / cases, cases, seed)[place % cases]).collect()
}

fn shuffled(pass: usize, cases: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<_> = (0..cases).collect();
    order.shuffle(&mut stream(seed, 0, pass as u64));
    order
}

/// A generator for one purpose, so that no purpose disturbs another's numbers.
fn stream(seed: u64, purpose: u64, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ purpose.rotate_right(8));
    rng.set_stream(index);
    rng
}

/// The batch of one iteration: its films, varied.
#[must_use]
pub fn batch(samples: &[Sample], options: &FeedOptions, iteration: u32) -> Vec<Varied> {
    let mut rng = stream(options.seed, 1, u64::from(iteration));
    let picks = picks(iteration, options.batch_size, samples.len(), options.seed);
    picks.into_iter().map(|place| vary(&samples[place], &options.augment, &mut rng)).collect()
}

/// The batches of every iteration, in order, made ahead on a thread that ends when the receiver is dropped.
#[must_use]
pub fn start(samples: Arc<[Sample]>, options: FeedOptions) -> Receiver<Vec<Varied>> {
    let (sender, receiver) = sync_channel(AHEAD);
    let produce = move || {
        for iteration in 0..options.iterations {
            if sender.send(batch(&samples, &options, iteration)).is_err() {
                return; // training has stopped
            }
        }
    };
    let _detached = std::thread::Builder::new()
        .name("train-feed".to_owned())
        .spawn(produce)
        .expect("the system lets a training run start one thread");
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_film_is_seen_once_before_any_is_seen_again() {
        let seen: Vec<_> = (0..10).flat_map(|iteration| picks(iteration, 3, 10, 5)).collect();
        for pass in seen.chunks(10) {
            let mut pass = pass.to_vec();
            pass.sort_unstable();
            assert_eq!(pass, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(seen[..10], seen[10..20], "each pass has its own order");
    }

    #[test]
    fn the_seed_decides_the_order() {
        assert_eq!(picks(3, 6, 100, 1), picks(3, 6, 100, 1));
        assert_ne!(picks(3, 6, 100, 1), picks(3, 6, 100, 2));
    }

    #[test]
    fn a_batch_may_be_larger_than_the_data_set() {
        assert_eq!(picks(0, 7, 2, 1).len(), 7);
    }
}
