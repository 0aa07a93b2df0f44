//! Finds the files of the JSRT set, whose films are published apart from their masks.

use std::path::{Path, PathBuf};

use super::layout::SCR_MASKS;
use super::paths::{entries, has_extension, name};

/// How many folders down the films and masks of a JSRT set may lie.
const JSRT_DEPTH: usize = 3;

/// The films and the folders of masks of a JSRT set.
#[derive(Debug, Default)]
pub(super) struct JsrtFiles {
    /// The films.
    pub(super) films: Vec<PathBuf>,
    /// The folders with the masks of the left lung, and those with the masks of the right lung.
    pub(super) mask_folders: [Vec<PathBuf>; 2],
}

impl JsrtFiles {
    /// Searches a folder and the folders in it, in the order of their names.
    pub(super) fn find(folder: &Path) -> std::io::Result<Self> {
        let mut found = Self::default();
        found.search(folder, 0)?;
        Ok(found)
    }

    fn search(&mut self, folder: &Path, depth: usize) -> std::io::Result<()> {
        if name(folder).starts_with("fold") {
            for (folders, lung) in self.mask_folders.iter_mut().zip(SCR_MASKS) {
                folders.extend(Some(folder.join(lung)).filter(|folder| folder.is_dir()));
            }
        }
        for path in entries(folder)? {
            if has_extension(&path, "img") && path.is_file() {
                self.films.push(path);
            } else if depth < JSRT_DEPTH && path.is_dir() {
                self.search(&path, depth + 1)?;
            }
        }
        Ok(())
    }
}
