//! Decides how the cases of several data sets become one list, or the list of what is wrong with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::layout::{Layout, confirm, name, recognise};
use super::problem::{CaseName, Problem, Problems};
use super::{Case, DataFolder, ListOptions, Listed, pairing, table};

/// What has been found so far.
#[derive(Debug)]
pub(super) struct Listing {
    options: ListOptions,
    pub(super) cases: Vec<Case>,
    pub(super) problems: Vec<Problem>,
    left_out: Vec<CaseName>,
}

impl Listing {
    pub(super) fn new(options: ListOptions) -> Self {
        Self {
            options,
            cases: Vec::new(),
            problems: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Adds a data set.
    pub(super) fn add(&mut self, data: &DataFolder) {
        let before = (self.cases.len(), self.problems.len());
        if let Err(problem) = self.look(data) {
            self.problems.push(problem);
        }
        if (self.cases.len(), self.problems.len()) == before {
            self.problems.push(Problem::Empty {
                folder: data.folder.clone(),
            });
        }
    }

    fn look(&mut self, DataFolder { folder, layout }: &DataFolder) -> Result<(), Problem> {
        let layout = layout.map_or_else(|| recognise(folder), |layout| confirm(folder, layout))?;
        let published = layout.to_string();
        match layout {
            Layout::Cases => table::list(folder, self)?,
            Layout::Folders => pairing::list_folders(folder, &folder_name(folder)?, self)?,
            Layout::Montgomery => pairing::list_montgomery(folder, &published, self)?,
            Layout::Shenzhen => pairing::list_shenzhen(folder, &published, self)?,
            Layout::Jsrt => pairing::list_jsrt(folder, &published, self)?,
        }
        Ok(())
    }

    /// Takes in that a film has no mask.
    pub(super) fn miss_mask(&mut self, case: CaseName, path: PathBuf) {
        if self.options.allow_missing_masks {
            self.left_out.push(case);
        } else {
            self.problems.push(Problem::NoMask { case, path });
        }
    }

    /// The cases, where nothing is wrong.
    pub(super) fn finish(mut self) -> Result<Listed, Problems> {
        let mut counts = BTreeMap::<_, usize>::new();
        for case in &self.cases {
            *counts.entry((&case.source, &case.name)).or_default() += 1;
        }
        let several = counts.into_iter().filter(|(_, count)| *count > 1);
        self.problems
            .extend(several.map(|((source, name), _)| Problem::SameName {
                case: CaseName {
                    source: source.clone(),
                    name: name.clone(),
                },
            }));
        if self.cases.is_empty() && self.problems.is_empty() {
            self.problems.push(Problem::NoData);
        }
        let listed = Listed {
            cases: self.cases,
            left_out: self.left_out,
        };
        Problems::new(self.problems).map_or(Ok(listed), Err)
    }
}

/// A folder's own name, also where it was given as `.` or the like.
fn folder_name(folder: &Path) -> std::io::Result<String> {
    Ok(if folder.file_name().is_some() {
        name(folder)
    } else {
        name(&fs_err::canonicalize(folder)?)
    })
}
