//! Pairs films with reference masks by their names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::collector::Collector;
use crate::dataset::case::{Case, FilmFile, ReferenceFiles};
use crate::dataset::paths::stem;
use crate::dataset::problem::{CaseName, Problem};

/// The films of a data set.
pub(super) struct FilmFiles<'a> {
    /// The source of their cases.
    pub(super) source: &'a str,
    /// The files.
    pub(super) paths: Vec<PathBuf>,
    /// The format of the files.
    pub(super) format: fn(PathBuf) -> FilmFile,
    /// Returns the finding that a film's name states.
    pub(super) finding: fn(&str) -> Option<&'static str>,
}

impl FilmFiles<'_> {
    /// Adds a case for each film, sorted by name.
    ///
    /// `reference` returns the mask for a film's name, or the path at which a mask was expected.
    pub(super) fn pair(
        self,
        collector: &mut Collector,
        mut reference: impl FnMut(&str) -> Result<ReferenceFiles, PathBuf>,
    ) {
        let mut by_stem = BTreeMap::<_, Vec<_>>::new();
        for path in self.paths {
            by_stem.entry(stem(&path)).or_default().push(path);
        }
        for (name, mut paths) in by_stem {
            let case = CaseName {
                source: self.source.to_owned(),
                name,
            };
            let film = paths.swap_remove(0);
            if !paths.is_empty() {
                collector
                    .problems
                    .push(Problem::SameName { case: case.clone() });
            }
            match reference(&case.name) {
                Err(path) => collector.miss_mask(case, path),
                Ok(reference) => collector.cases.push(Case {
                    patient: case.name.clone(),
                    finding: (self.finding)(&case.name).map(str::to_owned),
                    name: case.name,
                    source: case.source,
                    doubtful: false,
                    split: None,
                    film: (self.format)(film),
                    reference,
                }),
            }
        }
    }
}

/// The masks of a data set that are not yet paired with a film, by the stems of their names.
#[derive(Default)]
pub(super) struct UnpairedMasks(BTreeMap<String, Vec<PathBuf>>);

impl UnpairedMasks {
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        let mut masks = Self::default();
        masks.add(paths);
        masks
    }

    pub(super) fn add(&mut self, paths: Vec<PathBuf>) {
        for path in paths {
            self.0.entry(stem(&path)).or_default().push(path);
        }
    }

    /// Removes a mask with the given stem and returns it.
    pub(super) fn take(&mut self, stem: &str) -> Option<PathBuf> {
        let paths = self.0.get_mut(stem).filter(|paths| !paths.is_empty())?;
        Some(paths.remove(0))
    }

    /// Adds a problem for each mask that is left.
    pub(super) fn report(self, collector: &mut Collector) {
        collector.problems.extend(
            self.0
                .into_values()
                .flatten()
                .map(|path| Problem::StrayMask { path }),
        );
    }
}
