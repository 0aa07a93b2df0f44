//! Lists the cases of the published data sets: Montgomery, Shenzhen and JSRT.

use std::io;
use std::path::{Path, PathBuf};

use super::collector::Collector;
use super::pairing::{FilmFiles, UnpairedMasks};
use crate::dataset::case::{FilmFile, ReferenceFiles};
use crate::dataset::jsrt_files::JsrtFiles;
use crate::dataset::layout::{DatasetLayout, FILMS, LUNG_MASKS, MASKS, SCR_MASKS};
use crate::dataset::paths::files;

/// Lists the Montgomery set, which has a mask for each lung.
pub(super) fn list_montgomery(folder: &Path, collector: &mut Collector) -> io::Result<()> {
    let [left, right] = LUNG_MASKS.map(|name| folder.join(name));
    let mut lungs = LungMasks {
        left: UnpairedMasks::new(files(&left, Some("png"))?),
        right: UnpairedMasks::new(files(&right, Some("png"))?),
    };
    let films = FilmFiles {
        source: DatasetLayout::Montgomery.name(),
        paths: files(&folder.join(FILMS), Some("png"))?,
        format: FilmFile::Image,
        finding: nlm_finding,
    };
    films.pair(collector, |stem| {
        let expected = [&left, &right].map(|folder| folder.join(format!("{stem}.png")));
        lungs.take(stem, expected).map(ReferenceFiles::Lungs)
    });
    lungs.report(collector);
    Ok(())
}

/// Lists the Shenzhen set.
pub(super) fn list_shenzhen(folder: &Path, collector: &mut Collector) -> io::Result<()> {
    let masks = folder.join(MASKS);
    let mut unpaired = UnpairedMasks::new(files(&masks, Some("png"))?);
    let films = FilmFiles {
        source: DatasetLayout::Shenzhen.name(),
        paths: files(&folder.join(FILMS), Some("png"))?,
        format: FilmFile::Image,
        finding: nlm_finding,
    };
    films.pair(collector, |stem| {
        let name = format!("{stem}_mask");
        unpaired
            .take(&name)
            .map(ReferenceFiles::Whole)
            .ok_or_else(|| masks.join(format!("{name}.png")))
    });
    unpaired.report(collector);
    Ok(())
}

/// Lists the JSRT set with its SCR masks, which has a mask for each lung.
pub(super) fn list_jsrt(folder: &Path, collector: &mut Collector) -> io::Result<()> {
    let found = JsrtFiles::find(folder)?;
    let [left_folders, right_folders] = found.mask_folders;
    let mut lungs = LungMasks {
        left: masks_in(&left_folders)?,
        right: masks_in(&right_folders)?,
    };
    let films = FilmFiles {
        source: DatasetLayout::Jsrt.name(),
        paths: found.films,
        format: FilmFile::Jsrt,
        finding: jsrt_finding,
    };
    films.pair(collector, |stem| {
        let expected =
            SCR_MASKS.map(|name| folder.join("fold*").join(name).join(format!("{stem}.gif")));
        lungs.take(stem, expected).map(ReferenceFiles::Scr)
    });
    lungs.report(collector);
    Ok(())
}

fn masks_in(folders: &[PathBuf]) -> io::Result<UnpairedMasks> {
    let mut masks = UnpairedMasks::default();
    for folder in folders {
        masks.add(files(folder, Some("gif"))?);
    }
    Ok(masks)
}

/// The masks of single lungs that are not yet paired with a film.
struct LungMasks {
    left: UnpairedMasks,
    right: UnpairedMasks,
}

impl LungMasks {
    /// Removes the masks of both lungs with the given stem and returns them, or the expected path of a missing one.
    fn take(&mut self, stem: &str, expected: [PathBuf; 2]) -> Result<[PathBuf; 2], PathBuf> {
        // Both are taken first: if one is missing, the other still belongs to this film.
        let (left, right) = (self.left.take(stem), self.right.take(stem));
        let [no_left, no_right] = expected;
        Ok([left.ok_or(no_left)?, right.ok_or(no_right)?])
    }

    fn report(self, collector: &mut Collector) {
        self.left.report(collector);
        self.right.report(collector);
    }
}

/// Returns the finding that the last character of a name states in the sets of the National Library of Medicine.
fn nlm_finding(name: &str) -> Option<&'static str> {
    match name.rsplit_once('_')?.1 {
        "0" => Some("normal"),
        "1" => Some("tuberculosis"),
        _ => None,
    }
}

/// Returns the finding that the first characters of a JSRT name state: with a nodule, or without one.
fn jsrt_finding(name: &str) -> Option<&'static str> {
    match name.get(..5)? {
        "JPCLN" => Some("nodule"),
        "JPCNN" => Some("normal"),
        _ => None,
    }
}
