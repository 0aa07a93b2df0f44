//! Makes the batches of training films, ahead of the network on other threads.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rayon::prelude::*;

use super::augment::{AugmentOptions, AugmentedSample, augment};
use super::recipe::coarse_side;
use super::sampler::Sampler;
use crate::dataset::TrainingSample;
use crate::random::{Purpose, generator};

/// The number of batches that may wait for the network.
const AHEAD: usize = 4;

/// The options that determine the batches of a run, together with its films.
#[derive(Clone, Copy, Debug)]
pub struct FeedOptions {
    /// The number of films in a batch.
    pub batch_size: usize,
    /// The number of iterations that an earlier part of the run has finished.
    pub done: u32,
    /// The number of iterations of the whole run.
    pub iterations: u32,
    /// The balance between sources, from 0 to 1; see [`Sampler::new`].
    pub source_balance: f64,
    /// The seed of the order and of the variations.
    pub seed: u64,
    /// How films are varied.
    pub augment: AugmentOptions,
    /// The number of iterations on the coarse grid, which come first.
    pub coarse_iterations: u32,
}

/// Makes the batch of an iteration from the samples at `places`.
///
/// Each film of each iteration has its own generator, so films are varied in parallel, and a resumed run sees the same
/// films as one that was never stopped.
#[must_use]
pub fn batch(
    samples: &[TrainingSample],
    places: &[usize],
    options: &FeedOptions,
    iteration: u32,
) -> Vec<AugmentedSample> {
    let first = u64::from(iteration) * options.batch_size as u64;
    let film = |(index, &place): (usize, &usize)| {
        let mut rng = generator(options.seed, Purpose::Augmentation, first + index as u64);
        let sample = &samples[place];
        let fine = sample.input.side();
        let side = if iteration < options.coarse_iterations {
            coarse_side(fine)
        } else {
            fine
        };
        augment(sample, side as usize, &options.augment, &mut rng)
    };
    places.par_iter().enumerate().map(film).collect()
}

/// Starts a thread that makes the batches of the remaining iterations, in order. It ends when the receiver is dropped.
#[must_use]
pub fn start(
    samples: Arc<[TrainingSample]>,
    options: FeedOptions,
) -> Receiver<Vec<AugmentedSample>> {
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

    fn samples() -> Arc<[TrainingSample]> {
        let sample = |grey: u8| TrainingSample {
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
