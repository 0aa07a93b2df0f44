//! Problems with data sets, which are collected and reported all at once.

use std::fmt;
use std::path::PathBuf;

use super::case::Case;
use super::error::CaseError;
use super::layout::DatasetLayout;
use super::split::Split;

/// The most problems that are listed in a text.
const SHOWN: usize = 50;

/// The source and name of a case, by which a problem refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseName {
    /// The data set in which the case was published.
    pub source: String,
    /// The name of the case in its data set.
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

/// A problem with a data set.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No folder was given.
    #[error("there is no data set to read")]
    NoData,
    /// A folder or a list of cases can't be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A folder has no known layout.
    #[error(
        "{folder} has no known layout; looked for {}",
        signs(&DatasetLayout::ALL)
    )]
    NoLayout {
        /// The folder.
        folder: PathBuf,
    },
    /// Several layouts fit a folder, so the user has to choose one.
    #[error(
        "{folder} fits several layouts: {}; choose one of them",
        signs(layouts)
    )]
    SeveralLayouts {
        /// The folder.
        folder: PathBuf,
        /// The layouts that fit.
        layouts: Vec<DatasetLayout>,
    },
    /// A folder does not have the layout that the user chose.
    #[error("{folder} does not have the layout {layout}; looked for {}", layout.signs())]
    OtherLayout {
        /// The folder.
        folder: PathBuf,
        /// The layout that the user chose.
        layout: DatasetLayout,
    },
    /// A data set has no case.
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
    /// A line of a list of cases can't be used.
    #[error("{path}: {reason}")]
    Line {
        /// The list.
        path: PathBuf,
        /// The problem and the number of the line.
        reason: String,
    },
    /// The film of a case in a list does not exist.
    #[error("{case} has no film: there is no file {path}")]
    NoFilm {
        /// The case.
        case: CaseName,
        /// The path of the missing film.
        path: PathBuf,
    },
    /// A film has no reference mask.
    #[error("{case} has no reference mask: there is no file {path}")]
    NoMask {
        /// The case.
        case: CaseName,
        /// The path of the missing mask.
        path: PathBuf,
    },
    /// A mask belongs to no film, or its film has another mask.
    #[error("{path} is a mask without a film")]
    StrayMask {
        /// The mask.
        path: PathBuf,
    },
    /// Several cases of a source have the same name.
    #[error("{case} is the name of several cases")]
    SameName {
        /// The name.
        case: CaseName,
    },
    /// The film or the mask of a case can't be read.
    #[error("{case}: {cause}")]
    Unreadable {
        /// The case.
        case: CaseName,
        /// The reason.
        cause: Box<CaseError>,
    },
    /// Two cases have the same film, so it would count twice, and it could be trained on and tested.
    #[error("{first} and {second} are the same film, pixel by pixel; leave one of them out")]
    SameFilm {
        /// The first case with the film.
        first: CaseName,
        /// A later one.
        second: CaseName,
    },
    /// The cases of a patient are in several splits.
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
    /// The shares of the splits are not from 0 to 1, or their sum is not.
    #[error(
        "the shares {validation} for validation and {test} for test are invalid: each must be from 0 to 1, and so must their sum"
    )]
    Shares {
        /// The share of the validation split.
        validation: f64,
        /// The share of the test split.
        test: f64,
    },
    /// No case has the split.
    #[error("the data has no {split} case among {among}")]
    EmptySplit {
        /// The split.
        split: Split,
        /// The number of cases of all splits.
        among: usize,
    },
}

fn signs(layouts: &[DatasetLayout]) -> String {
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

/// The problems of some data sets; at least one.
///
/// As text they are a heading with their number, and a line for each of the first fifty.
#[derive(Debug)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Returns the problems as an error, or `None` if there are none.
    #[must_use]
    pub fn new(problems: Vec<Problem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// Returns the problems in the order in which they were found.
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

    fn stray_masks(count: usize) -> Problems {
        let stray = |index: usize| Problem::StrayMask {
            path: format!("{index}.png").into(),
        };
        Problems::new((0..count).map(stray).collect()).unwrap()
    }

    #[test]
    fn problems_are_counted_and_take_a_line_each() {
        let text = stray_masks(1).to_string();
        assert_eq!(
            text,
            "1 problem with the data:\n  0.png is a mask without a film"
        );
        let text = stray_masks(50).to_string();
        assert!(text.starts_with("50 problems with the data:\n"), "{text}");
        assert_eq!(text.lines().count(), 51);
        assert!(text.lines().last().unwrap().contains("49.png"), "{text}");
    }

    #[test]
    fn no_more_than_fifty_problems_are_shown() {
        let text = stray_masks(53).to_string();
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
