//! Decides which cases there are: the films, reference masks and patients of data sets as they are published.
//!
//! Data go through three steps, and each names all that it finds wrong at once: [`list`] looks at folders and names,
//! [`super::split::assign`] at patients, and [`read_all`] opens every film and mask.

#[cfg(test)]
pub(super) mod builders;
mod case;
mod digest;
mod gif;
mod jsrt;
mod layout;
mod listing;
mod pairing;
mod problem;
mod read;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::case::{Case, DatasetError};
pub use self::digest::{FilmDigest, InvalidDigest};
pub use self::layout::{Layout, recognise};
use self::listing::Listing;
pub use self::problem::{CaseName, Problem, Problems};
pub use self::read::{Read, read_all};

/// What a case is used for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Seen in training.
    Train,
    /// Scored during training, to choose weights.
    Validation,
    /// Scored afterwards, to report.
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// A data set on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFolder {
    /// Where it lies.
    pub folder: PathBuf,
    /// How it lies there; `None` to have it recognised.
    pub layout: Option<Layout>,
}

/// What a list of cases leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Leave films without a reference mask out. Otherwise each of them is a problem.
    pub allow_missing_masks: bool,
}

/// The cases of some data sets.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The cases, one data set after the other.
    pub cases: Vec<Case>,
    /// The films that were left out, as [`ListOptions`] allow.
    pub left_out: Vec<CaseName>,
}

impl Listed {
    /// Leaves nothing but what is of one of `sources`.
    pub fn keep(&mut self, sources: &[String]) {
        self.cases.retain(|case| sources.contains(&case.source));
        self.left_out.retain(|case| sources.contains(&case.source));
    }

    /// What a user should know of the list.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let count = self.left_out.len();
        (count > 0).then(|| format!("films without a reference mask, left out: {count}"))
    }
}

/// The cases of some data sets; at least one case of each.
///
/// Cases come in the order of `cases.csv`, and by their names where a data set has no list. Nothing but that list is
/// opened: films and masks are looked for by their names alone. A mask without a film is a problem in every layout,
/// since each data set was published with a film for each of its masks: where one is missing, the copy is incomplete.
pub fn list(data: &[DataFolder], options: ListOptions) -> Result<Listed, Problems> {
    let mut listing = Listing::new(options);
    for folder in data {
        listing.add(folder);
    }
    listing.finish()
}

/// The cases of one split, in their order; at least one.
pub fn in_split(cases: &[Case], split: Split) -> Result<Vec<Case>, Problems> {
    let chosen: Vec<_> = cases
        .iter()
        .filter(|case| case.split == Some(split))
        .cloned()
        .collect();
    if chosen.is_empty() {
        return Err(Problem::EmptySplit {
            split,
            among: cases.len(),
        }
        .into());
    }
    Ok(chosen)
}
