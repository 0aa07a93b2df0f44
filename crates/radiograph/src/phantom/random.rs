//! Turns a seed into random numbers that are the same on every machine.
//!
//! The generator is portable. The distributions are computed here, because a later version of a
//! library may sample a distribution in another way.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers from a seed.
pub(super) struct RandomStream(ChaCha8Rng);

impl RandomStream {
    /// Starts a stream of a seed. The streams of one seed are independent of each other, so rows
    /// may be drawn in any order and on any thread.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Self(generator)
    }

    /// Returns a uniform number from 0 up to, but not including, 1.
    pub(super) fn unit(&mut self) -> f32 {
        let [high, low] = self.halves();
        f32::from(high) / 65_536.0 + f32::from(low & 0xff00) / 4_294_967_296.0
    }

    /// Returns a uniform number between two bounds.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Returns a number of the triangular distribution around `centre`, at most `spread` from it.
    pub(super) fn about(&mut self, centre: f32, spread: f32) -> f32 {
        centre + spread * (self.unit() + self.unit() - 1.0)
    }

    /// Returns true with the given probability.
    pub(super) fn happens(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Returns noise of mean 0 and standard deviation 1. It is the sum of four uniform numbers, and
    /// at most 3.5 away from 0.
    pub(super) fn grain(&mut self) -> f32 {
        let sum: f32 = [self.halves(), self.halves()]
            .into_iter()
            .flatten()
            .map(f32::from)
            .sum();
        (sum / 65_536.0 - 2.0) * 1.732_050_8
    }

    /// Returns two uniform 16-bit numbers.
    fn halves(&mut self) -> [u16; 2] {
        let [a, b, c, d] = self.0.next_u32().to_le_bytes();
        [u16::from_le_bytes([c, d]), u16::from_le_bytes([a, b])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_mean_0_and_deviation_1() {
        let mut random = RandomStream::new(1, 0);
        let grains: Vec<f64> = (0..20_000).map(|_| f64::from(random.grain())).collect();
        let mean = grains.iter().sum::<f64>() / 20_000.0;
        let variance = grains.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn streams_and_seeds_differ() {
        let first = |seed, stream| RandomStream::new(seed, stream).0.next_u32();
        assert_eq!(first(1, 0), first(1, 0));
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
    }

    #[test]
    fn uniform_numbers_stay_within_their_bounds() {
        let mut random = RandomStream::new(3, 0);
        assert!((0..10_000).all(|_| (2.0..5.0).contains(&random.between(2.0, 5.0))));
        assert!((0..10_000).all(|_| (random.about(1.0, 0.5) - 1.0).abs() <= 0.5));
    }
}
