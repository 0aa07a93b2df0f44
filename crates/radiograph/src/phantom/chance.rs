//! Decides how a seed becomes numbers: the same on every machine, because its generator is, and because nothing here is
//! left to a distribution that a later version of a library may sample otherwise.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One stream of numbers out of a seed.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// Streams of one seed are independent of each other, so rows may be drawn in any order, on any thread.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Self(generator)
    }

    /// Uniform from 0 up to, not including, 1.
    pub(super) fn unit(&mut self) -> f32 {
        let [high, low] = self.halves();
        f32::from(high) / 65_536.0 + f32::from(low & 0xff00) / 4_294_967_296.0
    }

    /// Uniform between two bounds.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Around `centre`, at most `spread` from it, the middle the likeliest (a triangular distribution).
    pub(super) fn about(&mut self, centre: f32, spread: f32) -> f32 {
        centre + spread * (self.unit() + self.unit() - 1.0)
    }

    /// True with the given probability.
    pub(super) fn happens(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Bell-shaped noise of mean 0 and standard deviation 1: four uniforms added up, no further than 3.5 from 0.
    pub(super) fn grain(&mut self) -> f32 {
        let sum: f32 = [self.halves(), self.halves()]
            .into_iter()
            .flatten()
            .map(f32::from)
            .sum();
        (sum / 65_536.0 - 2.0) * 1.732_050_8
    }

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
        let mut chance = Chance::new(1, 0);
        let grains: Vec<f64> = (0..20_000).map(|_| f64::from(chance.grain())).collect();
        let mean = grains.iter().sum::<f64>() / 20_000.0;
        let variance = grains.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn streams_and_seeds_differ() {
        let first = |seed, stream| Chance::new(seed, stream).0.next_u32();
        assert_eq!(first(1, 0), first(1, 0));
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
    }

    #[test]
    fn uniform_numbers_stay_within_their_bounds() {
        let mut chance = Chance::new(3, 0);
        assert!((0..10_000).all(|_| (2.0..5.0).contains(&chance.between(2.0, 5.0))));
        assert!((0..10_000).all(|_| (chance.about(1.0, 0.5) - 1.0).abs() <= 0.5));
    }
}
