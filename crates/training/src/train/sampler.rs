//! Draws the order of training films: shuffled passes over the films, with a balance between their sources.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::random::{Purpose, generator};

/// An endless sequence of indices of films, which depends on the seed alone.
///
/// ```
/// use lungfield_training::train::sampler::Sampler;
///
/// let mut sampler = Sampler::new(&["jsrt", "jsrt", "shenzhen"], 0.0, 1);
/// let mut first_pass = [sampler.draw(), sampler.draw(), sampler.draw()];
/// first_pass.sort();
/// assert_eq!(first_pass, [0, 1, 2]);
/// ```
#[derive(Debug)]
pub struct Sampler {
    groups: Vec<Group>,
    drawn: u64,
    seed: u64,
}

/// The films of one source, or of all sources.
#[derive(Debug)]
struct Group {
    /// The share of the group in all draws.
    share: f64,
    drawn: u64,
    pass: u64,
    /// The rest of the current pass.
    left: Vec<usize>,
    members: Vec<usize>,
}

impl Sampler {
    /// Creates a sampler for films with the given sources; at least one.
    ///
    /// With a `balance` of 0 each film is drawn equally often, with 1 each source is. In between, the share of a source is
    /// proportional to its size to the power of `1 − balance`. Each film of a source is drawn once before any is drawn
    /// again.
    #[must_use]
    pub fn new(sources: &[&str], balance: f64, seed: u64) -> Self {
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, source) in sources.iter().enumerate() {
            // Without balance all films are one group.
            members
                .entry(if balance > 0.0 { source } else { "" })
                .or_default()
                .push(place);
        }
        let weight = |group: &Vec<usize>| (group.len() as f64).powf(1.0 - balance);
        let whole: f64 = members.values().map(weight).sum();
        let group = |members: Vec<usize>| Group {
            share: weight(&members) / whole,
            drawn: 0,
            pass: 0,
            left: Vec::new(),
            members,
        };
        Self {
            groups: members.into_values().map(group).collect(),
            drawn: 0,
            seed,
        }
    }

    /// Skips the draws of an earlier part of a run.
    #[must_use]
    pub fn skipping(mut self, draws: u64) -> Self {
        for _ in 0..draws {
            self.draw();
        }
        self
    }

    /// Draws the index of the next film, from the group that is furthest behind its share.
    pub fn draw(&mut self) -> usize {
        self.drawn += 1;
        let behind = |group: &Group| group.share * self.drawn as f64 - group.drawn as f64;
        let (index, _) = self
            .groups
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| behind(a).total_cmp(&behind(b)))
            .expect("there is at least one film");
        let mut order = generator(
            self.seed,
            Purpose::Order(index as u64),
            self.groups[index].pass,
        );
        self.groups[index].draw(&mut order)
    }
}

impl Group {
    fn draw(&mut self, order: &mut ChaCha8Rng) -> usize {
        self.drawn += 1;
        if self.left.is_empty() {
            self.left.clone_from(&self.members);
            self.left.shuffle(order);
            self.pass += 1;
        }
        self.left.pop().expect("a group has at least one film")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(sampler: &mut Sampler, count: usize) -> Vec<usize> {
        (0..count).map(|_| sampler.draw()).collect()
    }

    #[test]
    fn every_film_is_seen_once_before_any_is_seen_again() {
        let seen = draws(&mut Sampler::new(&["a"; 10], 0.0, 5), 30);
        for pass in seen.chunks(10) {
            let mut pass = pass.to_vec();
            pass.sort_unstable();
            assert_eq!(pass, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(seen[..10], seen[10..20], "each pass has its own order");
    }

    #[test]
    fn balance_gives_small_sources_their_share() {
        let sources: Vec<_> = (0..100)
            .map(|i| if i < 10 { "small" } else { "large" })
            .collect();
        let small = |balance| {
            draws(&mut Sampler::new(&sources, balance, 1), 1000)
                .into_iter()
                .filter(|&i| i < 10)
                .count()
        };
        assert_eq!(small(0.0), 100);
        assert_eq!(small(1.0), 500);
        assert!((240..260).contains(&small(0.5)), "{}", small(0.5)); // √10 / (√10 + √90) is a quarter
    }

    #[test]
    fn the_seed_decides_and_a_skip_changes_nothing() {
        let sources = ["a", "b", "a", "a", "b"];
        let whole = draws(&mut Sampler::new(&sources, 0.7, 3), 40);
        assert_eq!(
            draws(&mut Sampler::new(&sources, 0.7, 3).skipping(17), 23),
            whole[17..]
        );
        assert_ne!(draws(&mut Sampler::new(&sources, 0.7, 4), 40), whole);
    }
}
