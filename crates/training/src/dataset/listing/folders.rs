//! Lists the cases of the layout [`DatasetLayout::Folders`](crate::dataset::DatasetLayout::Folders).

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::collector::Collector;
use super::pairing::{FilmFiles, UnpairedMasks};
use crate::dataset::case::{FilmFile, ReferenceFiles};
use crate::dataset::paths::{files, stem};
use lungfield_codec::names::MASK_SUFFIXES;

/// Lists `images/` and `masks/`: every file there is a film or a mask, whatever its extension.
pub(super) fn list(folder: &Path, source: &str, collector: &mut Collector) -> io::Result<()> {
    let masks = folder.join("masks");
    let paths = files(&folder.join("images"), None)?;
    let mut unpaired = UnpairedMasks::new(files(&masks, None)?);
    // A mask whose whole name is the name of a film belongs to that film, also if it extends the name of another.
    let stems: BTreeSet<_> = paths.iter().map(|path| stem(path)).collect();
    let films = FilmFiles {
        source,
        paths,
        format: FilmFile::Image,
        finding: |_| None,
    };
    films.pair(collector, |stem| {
        let names = MASK_SUFFIXES.map(|suffix| format!("{stem}{suffix}"));
        let mut names = names
            .iter()
            .filter(|name| *name == stem || !stems.contains(*name));
        let mask = names.find_map(|name| unpaired.take(name));
        mask.map(ReferenceFiles::Whole)
            .ok_or_else(|| masks.join(format!("{stem}.*")))
    });
    unpaired.report(collector);
    Ok(())
}
