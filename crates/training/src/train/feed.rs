//! Decides what each iteration sees, and makes its batch ahead of the network on threads of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rayon::prelude::*;

use super::augment::{AugmentOptions, Varied, vary};
use super::recipe::coarse_side;
use super::sample::Sample;
use super::sampler::{Sampler, stream};

/// Batches that may wait for the network.
const AHEAD: usize = 4;

/// What decides the batches of a run; nothing else does.
#[derive(Clone, Copy, Debug)]
pub struct FeedOptions {
    /// Films in a batch.
    pub batch_size: usize,
    /// Iterations whose batches an earlier part of the run has seen.
    pub done: u32,
    /// Batches in all.
    pub iterations: u32,
    /// How far sources are balanced, from 0 to 1.
    pub source_balance: f64,
    /// The seed of the order and of the variations.
    pub seed: u64,
    /// How films are varied.
    pub augment: AugmentOptions,
    /// Iterations on the coarse grid, from the first on.
    pub coarse_iterations: u32,
}

/// The films at `places`, varied, as `iteration` sees them.
///
/// Every film of every iteration has a generator of its own, so films are varied side by side and a resumed run sees
/// what it would have seen.
#[must_use]
pub fn batch(
    samples: &[Sample],
    places: &[usize],
    options: &FeedOptions,
    iteration: u32,
) -> Vec<Varied> {
    let first = u64::from(iteration) * options.batch_size as u64;
    let film = |(index, &place): (usize, &usize)| {
        let mut rng = stream(options.seed, 1, first + index as u64);
        let sample = &samples[place];
        let fine = sample.input.side();
        let side = if iteration < options.coarse_iterations {
            coarse_side(fine)
        } else {
            fine
        };
        vary(sample, side as usize, &options.augment, &mut rng)
    };
    places.par_iter().enumerate().map(film).collect()
}

/// The batches of every iteration that is left, in order, made ahead on a thread that ends when the receiver is dropped.
#[must_use]
pub fn start(samples: Arc<[Sample]>, options: FeedOptions) -> Receiver<Vec<Varied>> {
    let (sender, receiver) = sync_channel(AHEAD);
    let produce = move || {
        let sources: Vec<_> = samples.iter().map(|sample| &*sample.source).collect();
        let drawn = u64::from(options.done) * options.batch_size as u64;
        let mut sampler =
            Sampler::new(&sources, options.source_balance, options.seed).skipping(drawn);
        for iteration in options.done..options.iterations {
            let places: Vec<_> = (0..options.batch_size).map(|_| sampler.draw()).collect();
            if sender
                .send(batch(&samples, &places, &options, iteration))
                .is_err()
            {
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
    use lungfield_radiograph::geometry::ModelInput;
    use lungfield_radiograph::mask::ProbabilityMap;

    fn samples() -> Arc<[Sample]> {
        let sample = |grey: u8| Sample {
            input: ModelInput::new(64, vec![f32::from(grey) / 10.0; 64 * 64]).unwrap(),
            target: ProbabilityMap::new(64, vec![0.0; 64 * 64]).unwrap(),
            source: "phantom".into(),
        };
        (0..5).map(sample).collect()
    }

    fn planes(done: u32) -> Vec<Vec<f32>> {
        let options = FeedOptions {
            batch_size: 3,
            done,
            iterations: 6,
            source_balance: 0.0,
            seed: 4,
            augment: AugmentOptions::default(),
            coarse_iterations: 2,
        };
        start(samples(), options)
            .iter()
            .flatten()
            .map(|varied| varied.plane)
            .collect()
    }

    #[test]
    fn a_resumed_feed_goes_on_where_the_other_left_off() {
        let whole = planes(0);
        assert_eq!(whole.len(), 18);
        let sizes: Vec<_> = whole.iter().map(Vec::len).collect();
        assert_eq!(
            sizes[..7],
            [
                32 * 32,
                32 * 32,
                32 * 32,
                32 * 32,
                32 * 32,
                32 * 32,
                64 * 64
            ]
        );
        for done in [1, 2, 4] {
            assert_eq!(planes(done), whole[3 * done as usize..], "after {done}");
        }
    }
}
