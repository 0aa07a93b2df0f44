//! Seeded random generators, one for each purpose.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are drawn for. Each purpose has its own generators, so none disturbs the numbers of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The assignment of splits.
    Splits,
    /// The variations of training films.
    Augmentation,
    /// The order of the films in a group of the sampler, by the index of the group.
    Order(u64),
}

impl Purpose {
    /// Returns the number of the purpose. Checkpoints and splits depend on it.
    fn number(self) -> u64 {
        match self {
            Self::Splits => 0,
            Self::Augmentation => 1,
            Self::Order(group) => 2 + group,
        }
    }
}

/// Returns the generator with the given index for a purpose.
pub(crate) fn generator(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ purpose.number().rotate_right(8));
    rng.set_stream(index);
    rng
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn purposes_and_indices_have_numbers_of_their_own() {
        let first = |purpose, index| generator(7, purpose, index).next_u64();
        let numbers = [
            first(Purpose::Splits, 0),
            first(Purpose::Augmentation, 0),
            first(Purpose::Order(0), 0),
            first(Purpose::Order(1), 0),
            first(Purpose::Order(1), 1),
        ];
        let different: std::collections::BTreeSet<_> = numbers.into_iter().collect();
        assert_eq!(different.len(), numbers.len());
        assert_eq!(first(Purpose::Order(1), 1), numbers[4]);
    }
}
