//! The list of the cases of some data sets.

use crate::dataset::case::Case;
use crate::dataset::problem::CaseName;

/// Which cases a list leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Leaves out films without a reference mask. Otherwise each of them is a problem.
    pub allow_missing_masks: bool,
}

/// The cases of some data sets.
#[derive(Clone, Debug)]
pub struct CaseList {
    /// The cases, one data set after the other.
    pub cases: Vec<Case>,
    /// The films that were left out, as [`ListOptions`] allow.
    pub left_out: Vec<CaseName>,
}

impl CaseList {
    /// Removes all cases but those of `sources`.
    pub fn keep_sources(&mut self, sources: &[String]) {
        self.cases.retain(|case| sources.contains(&case.source));
        self.left_out.retain(|case| sources.contains(&case.source));
    }

    /// Returns a remark for the user about the films that were left out, if there are any.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let count = self.left_out.len();
        (count > 0).then(|| format!("films without a reference mask, left out: {count}"))
    }
}
