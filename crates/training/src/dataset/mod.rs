//! Data sets: their layouts on disk, their cases, and the splits of the cases.
//!
//! A data set is read in three steps. Each step reports every problem that it finds, not only the first:
//!
//! 1. [`list()`] looks at folders and names of files.
//! 2. [`assign()`] gives a split to each case that has none, patient by patient.
//! 3. [`read_all`] reads every film and reference mask.

mod assign;
#[cfg(test)]
pub(crate) mod builders;
mod case;
mod digest;
mod error;
mod files;
mod jsrt_files;
mod layout;
mod listing;
mod paths;
mod problem;
mod read;
mod recognise;
mod sample;
mod split;
mod split_table;
#[cfg(test)]
mod tests;

pub use self::assign::{SplitOptions, assign};
pub use self::case::Case;
pub use self::digest::{FilmDigest, InvalidDigest};
pub use self::error::CaseError;
pub use self::layout::DatasetLayout;
pub use self::listing::{CaseList, DatasetFolder, ListOptions, in_split, list};
pub use self::problem::{CaseName, Problem, Problems};
pub use self::read::{ReadCase, read_all};
pub use self::recognise::recognise;
pub use self::sample::{EvalSample, TrainingSample};
pub use self::split::Split;
pub use self::split_table::{SPLITS, SplitTable, SplitTableError, TwoSplits};
