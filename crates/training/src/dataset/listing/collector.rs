//! Collects the cases of several data sets, and the problems with them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::case_list::{CaseList, ListOptions};
use crate::dataset::case::Case;
use crate::dataset::problem::{CaseName, Problem, Problems};

/// The cases and problems found so far.
#[derive(Debug)]
pub(super) struct Collector {
    options: ListOptions,
    pub(super) cases: Vec<Case>,
    pub(super) problems: Vec<Problem>,
    left_out: Vec<CaseName>,
}

impl Collector {
    pub(super) fn new(options: ListOptions) -> Self {
        Self {
            options,
            cases: Vec::new(),
            problems: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Notes that a film has no mask: the case is left out, or it is a problem, as the options say.
    pub(super) fn miss_mask(&mut self, case: CaseName, path: PathBuf) {
        if self.options.allow_missing_masks {
            self.left_out.push(case);
        } else {
            self.problems.push(Problem::NoMask { case, path });
        }
    }

    /// Returns the cases, or every problem.
    pub(super) fn finish(mut self) -> Result<CaseList, Problems> {
        let repeated = self.repeated_names();
        self.problems.extend(repeated);
        if self.cases.is_empty() && self.problems.is_empty() {
            self.problems.push(Problem::NoData);
        }
        let listed = CaseList {
            cases: self.cases,
            left_out: self.left_out,
        };
        Problems::new(self.problems).map_or(Ok(listed), Err)
    }

    fn repeated_names(&self) -> Vec<Problem> {
        let mut counts = BTreeMap::<_, usize>::new();
        for case in &self.cases {
            *counts.entry((&case.source, &case.name)).or_default() += 1;
        }
        let repeated = counts.into_iter().filter(|(_, count)| *count > 1);
        repeated
            .map(|((source, name), _)| Problem::SameName {
                case: CaseName {
                    source: source.clone(),
                    name: name.clone(),
                },
            })
            .collect()
    }
}
