//! Assigns splits to cases. All films of a patient get the same split.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::case::Case;
use super::problem::{Problem, Problems};
use super::split::Split;
use crate::random::{Purpose, generator};

/// How cases without a split get one. The training split gets what the two shares leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitOptions {
    /// The seed of the random assignment.
    pub seed: u64,
    /// The share of the validation split, from 0 to 1.
    pub validation: f64,
    /// The share of the test split, from 0 to 1. Both shares together are at most 1.
    pub test: f64,
}

/// Assigns a split to every case that has none.
///
/// A case that has a split keeps it, and the other cases of its patient get the same. The remaining patients are
/// assigned at random, so that the shares hold for the number of *films*, within each source and within each of its
/// groups: films with a finding, films without one, and films with an unknown finding. A share is met as closely as the
/// patients allow; to less than one film per source if each patient has one film. The shares refer to the films that had
/// no split before.
///
/// The result depends neither on the order of the cases nor, for the cases of one source, on other sources. If the
/// cases of a patient have several splits, that is a problem, and no case is changed.
///
/// ```
/// use lungfield_training::dataset::{DatasetFolder, ListOptions, Split, SplitOptions, assign, list};
///
/// let folder = tempfile::tempdir()?;
/// for name in ["images", "masks"] {
///     std::fs::create_dir(folder.path().join(name))?;
///     for patient in 0..10 {
///         std::fs::write(folder.path().join(name).join(format!("{patient}.png")), "")?;
///     }
/// }
/// let data = DatasetFolder { folder: folder.path().to_owned(), layout: None };
/// let mut cases = list(&[data], ListOptions::default())?.cases;
///
/// assign(&mut cases, &SplitOptions { seed: 1, validation: 0.1, test: 0.2 })?;
/// let count = |split| cases.iter().filter(|case| case.split == Some(split)).count();
/// assert_eq!(Split::ALL.map(count), [7, 1, 2]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn assign(cases: &mut [Case], options: &SplitOptions) -> Result<(), Problems> {
    let shares = options.shares()?;
    let patients = patients(cases);
    if let Some(problems) = Problems::new(conflicts(&patients)) {
        return Err(problems);
    }
    let mut splits = BTreeMap::new();
    for (source, patients) in &patients {
        splits.insert(
            source.clone(),
            assign_source(source, patients, shares, options.seed),
        );
    }
    for case in cases {
        case.split = Some(splits[&case.source][&case.patient]);
    }
    Ok(())
}

impl SplitOptions {
    /// Returns the shares in the order of [`Split::ALL`].
    fn shares(&self) -> Result<[f64; 3], Problems> {
        let Self {
            validation, test, ..
        } = *self;
        let valid = [validation, test, validation + test]
            .iter()
            .all(|share| (0.0..=1.0).contains(share));
        if valid {
            Ok([1.0 - validation - test, validation, test])
        } else {
            Err(Problem::Shares { validation, test }.into())
        }
    }
}

/// What the cases of a patient say about the patient.
#[derive(Debug, Default)]
struct Patient {
    films: usize,
    splits: BTreeSet<Split>,
    finding: FindingGroup,
}

/// The group of a patient within its source. A finding on one film outweighs films without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum FindingGroup {
    #[default]
    Unknown,
    Normal,
    Other,
}

impl FindingGroup {
    fn of(case: &Case) -> Self {
        match case.finding.as_deref() {
            None => Self::Unknown,
            Some(finding) if finding.eq_ignore_ascii_case("normal") => Self::Normal,
            Some(_) => Self::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Normal => "normal",
            Self::Other => "other",
        }
    }
}

/// Groups the cases by source and patient.
fn patients(cases: &[Case]) -> BTreeMap<String, BTreeMap<String, Patient>> {
    let mut sources = BTreeMap::<_, BTreeMap<_, Patient>>::new();
    for case in cases {
        let patients = sources.entry(case.source.clone()).or_default();
        let patient = patients.entry(case.patient.clone()).or_default();
        patient.films += 1;
        patient.splits.extend(case.split);
        patient.finding = patient.finding.max(FindingGroup::of(case));
    }
    sources
}

/// Lists the patients whose cases have several splits.
fn conflicts(sources: &BTreeMap<String, BTreeMap<String, Patient>>) -> Vec<Problem> {
    let patients = sources
        .iter()
        .flat_map(|(source, patients)| patients.iter().map(move |entry| (source, entry)));
    let torn = patients.filter(|(_, (_, patient))| patient.splits.len() > 1);
    torn.map(|(source, (name, patient))| Problem::PatientSplits {
        source_name: source.clone(),
        patient: name.clone(),
        splits: patient.splits.iter().copied().collect(),
    })
    .collect()
}

/// Assigns a split to each patient of a source.
fn assign_source(
    source: &str,
    patients: &BTreeMap<String, Patient>,
    shares: [f64; 3],
    seed: u64,
) -> BTreeMap<String, Split> {
    let mut assigned = BTreeMap::new();
    let mut strata = BTreeMap::<_, Vec<_>>::new();
    for (name, patient) in patients {
        match patient.splits.first() {
            Some(&split) => drop(assigned.insert(name.clone(), split)),
            None => strata
                .entry(patient.finding)
                .or_default()
                .push((name, patient.films)),
        }
    }
    // Patients are whole, so a group can miss its shares. The next group makes up for it.
    let mut owed = [0.0; 3];
    for (finding, mut patients) in strata {
        patients.shuffle(&mut group_generator(seed, source, finding));
        // Patients with many films come first, since those with few can still restore the balance.
        patients.sort_by_key(|&(_, films)| std::cmp::Reverse(films));
        let films: Vec<_> = patients.iter().map(|&(_, films)| films).collect();
        let names = patients.into_iter().map(|(name, _)| name.clone());
        assigned.extend(names.zip(deal(&films, shares, &mut owed)));
    }
    assigned
}

/// Returns the generator of one group of one source, which is independent of all others.
fn group_generator(seed: u64, source: &str, finding: FindingGroup) -> ChaCha8Rng {
    let digest = Sha256::digest([source, "\0", finding.name()].concat());
    let index = digest.first_chunk().expect("a sha256 has 32 bytes");
    generator(seed, Purpose::Splits, u64::from_le_bytes(*index))
}

/// Assigns splits to patients with the given numbers of films. Each patient goes to the split that is owed most films; of
/// equals, the first gets it.
fn deal(films: &[usize], shares: [f64; 3], owed: &mut [f64; 3]) -> Vec<Split> {
    let all: usize = films.iter().sum();
    for (owed, share) in owed.iter_mut().zip(shares) {
        *owed += share * all as f64;
    }
    let mut next = |&films: &usize| {
        let most = (1..Split::ALL.len()).fold(0, |most, place| {
            if owed[place] > owed[most] {
                place
            } else {
                most
            }
        });
        owed[most] -= films as f64;
        Split::ALL[most]
    };
    films.iter().map(&mut next).collect()
}
