//! Decides how what is wrong with data is told: all of it at once, in lines that name the case.

use std::fmt;
use std::path::PathBuf;

use clap::ValueEnum;

use super::{Case, DatasetError, Layout, Split};

/// The most problems that are shown.
const SHOWN: usize = 50;

/// A case, as a problem names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseName {
    /// The data set that it was published in.
    pub source: String,
    /// Its name there.
    pub name: String,
}

impl From<&Case> for CaseName {
    fn from(case: &Case) -> Self {
        Self {
            source: case.source.clone(),
            name: case.name.clone(),
        }
    }
}

impl fmt::Display for CaseName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.source, self.name)
    }
}

/// One thing that is wrong with data.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is not even a folder.
    #[error("there is no data set to read")]
    NoData,
    /// A folder or a list can't be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A folder is of no layout that is read here.
    #[error(
        "{folder} is of no known layout; looked for {}",
        signs(Layout::value_variants())
    )]
    NoLayout {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder is of several layouts: say which is meant.
    #[error(
        "{folder} is of several layouts: {}; say which is meant",
        signs(layouts)
    )]
    SeveralLayouts {
        /// The folder.
        folder: PathBuf,
        /// The layouts that fit.
        layouts: Vec<Layout>,
    },
    /// A folder is not of the layout that it is said to have.
    #[error("{folder} is not of the layout {layout}; looked for {}", layout.signs())]
    OtherLayout {
        /// The folder.
        folder: PathBuf,
        /// The layout that was asked for.
        layout: Layout,
    },
    /// A data set without cases.
    #[error("{folder} has no film with a reference mask")]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// A list of cases lacks columns.
    #[error("{path} lacks the column {}", missing.join(", "))]
    Columns {
        /// The list.
        path: PathBuf,
        /// The columns that it lacks.
        missing: Vec<&'static str>,
    },
    /// A line of a list of cases says nothing that can be used.
    #[error("{path}: {reason}")]
    Line {
        /// The list.
        path: PathBuf,
        /// What is wrong, and in which line.
        reason: String,
    },
    /// A case in a list has no film.
    #[error("{case} has no film: there is no file {path}")]
    NoFilm {
        /// The case.
        case: CaseName,
        /// Where its film was looked for.
        path: PathBuf,
    },
    /// A film has no reference mask.
    #[error("{case} has no reference mask: there is no file {path}")]
    NoMask {
        /// The case.
        case: CaseName,
        /// Where its mask was looked for.
        path: PathBuf,
    },
    /// A mask has no film, or its film has another mask.
    #[error("{path} is a mask without a film of its own")]
    StrayMask {
        /// The mask.
        path: PathBuf,
    },
    /// Two cases of a source have the same name.
    #[error("{case} is the name of several cases")]
    SameName {
        /// The name.
        case: CaseName,
    },
    /// A film or a mask can't be read.
    #[error("{case}: {cause}")]
    Unreadable {
        /// The case.
        case: CaseName,
        /// What went wrong.
        cause: Box<DatasetError>,
    },
    /// Two cases have the same film: one of them could be trained on and the other tested, and either way it counts twice.
    #[error("{first} and {second} are the same film, pixel by pixel; leave one of them out")]
    SameFilm {
        /// The first case with this film.
        first: CaseName,
        /// A later one.
        second: CaseName,
    },
    /// A patient is in several splits.
    #[error(
        "patient {patient} of {source_name} is in several splits: {}",
        joined(splits)
    )]
    PatientSplits {
        /// The data set.
        source_name: String,
        /// The patient.
        patient: String,
        /// The splits.
        splits: Vec<Split>,
    },
    /// There are no such parts of a whole.
    #[error(
        "{validation} for validation and {test} for test are no parts of the films: both lie from 0 to 1, and so does their sum"
    )]
    Shares {
        /// The part for validation.
        validation: f64,
        /// The part for test.
        test: f64,
    },
    /// Nothing to work on.
    #[error("the data has no {split} case among {among}")]
    EmptySplit {
        /// What was asked for.
        split: Split,
        /// How many cases there are in all.
        among: usize,
    },
}

fn signs(layouts: &[Layout]) -> String {
    joined(
        &layouts
            .iter()
            .map(|layout| format!("{layout} ({})", layout.signs()))
            .collect::<Vec<_>>(),
    )
}

fn joined(things: &[impl ToString]) -> String {
    things
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// All that is wrong with data; at least one problem.
///
/// Shown as a heading with their number and a line each, the first fifty of them.
#[derive(Debug)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Some problems, or `None` where there are none.
    #[must_use]
    pub fn new(problems: Vec<Problem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// Each of them, in the order in which they were found.
    #[must_use]
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(formatter, "{count} {noun} with the data:")?;
        for problem in self.0.iter().take(SHOWN) {
            write!(formatter, "\n  {problem}")?;
        }
        match count.saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(formatter, "\n  and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strays(count: usize) -> Problems {
        let stray = |index: usize| Problem::StrayMask {
            path: format!("{index}.png").into(),
        };
        Problems::new((0..count).map(stray).collect()).unwrap()
    }

    #[test]
    fn problems_are_counted_and_take_a_line_each() {
        let text = strays(1).to_string();
        assert_eq!(
            text,
            "1 problem with the data:\n  0.png is a mask without a film of its own"
        );
        let text = strays(50).to_string();
        assert!(text.starts_with("50 problems with the data:\n"), "{text}");
        assert_eq!(text.lines().count(), 51);
        assert!(text.lines().last().unwrap().contains("49.png"), "{text}");
    }

    #[test]
    fn no_more_than_fifty_problems_are_shown() {
        let text = strays(53).to_string();
        assert_eq!(text.lines().count(), 52);
        assert!(
            text.starts_with("53 problems") && text.ends_with("\n  and 3 more"),
            "{text}"
        );
    }

    #[test]
    fn no_problems_are_no_error() {
        assert!(Problems::new(Vec::new()).is_none());
    }
}
