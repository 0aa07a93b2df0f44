//! Recognises the layout of a folder by the files and folders in it.

#[cfg(test)]
mod tests;

use std::path::Path;

use super::jsrt_files::JsrtFiles;
use super::layout::{CASES, DatasetLayout, FILMS, LUNG_MASKS, MASKS};
use super::problem::Problem;

/// Recognises the layout of a folder.
///
/// A folder with a `cases.csv` has the layout [`DatasetLayout::Cases`], whatever else it holds. Otherwise exactly one
/// layout must fit.
///
/// ```
/// use lungfield_training::dataset::{DatasetLayout, recognise};
///
/// let folder = tempfile::tempdir()?;
/// std::fs::create_dir(folder.path().join("images"))?;
/// std::fs::create_dir(folder.path().join("masks"))?;
/// assert_eq!(recognise(folder.path())?, DatasetLayout::Folders);
///
/// std::fs::remove_dir(folder.path().join("masks"))?;
/// assert!(recognise(folder.path()).is_err());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn recognise(folder: &Path) -> Result<DatasetLayout, Problem> {
    fs_err::read_dir(folder)?;
    if fits(DatasetLayout::Cases, folder)? {
        return Ok(DatasetLayout::Cases);
    }
    let mut fitting = Vec::new();
    for layout in DatasetLayout::ALL {
        if layout != DatasetLayout::Cases && fits(layout, folder)? {
            fitting.push(layout);
        }
    }
    match fitting[..] {
        [layout] => Ok(layout),
        [] => Err(Problem::NoLayout {
            folder: folder.to_owned(),
        }),
        _ => Err(Problem::SeveralLayouts {
            folder: folder.to_owned(),
            layouts: fitting,
        }),
    }
}

/// Returns `layout` if it fits the folder.
pub(super) fn confirm(folder: &Path, layout: DatasetLayout) -> Result<DatasetLayout, Problem> {
    fs_err::read_dir(folder)?;
    if fits(layout, folder)? {
        Ok(layout)
    } else {
        Err(Problem::OtherLayout {
            folder: folder.to_owned(),
            layout,
        })
    }
}

fn fits(layout: DatasetLayout, folder: &Path) -> Result<bool, Problem> {
    let has = |names: &[&str]| names.iter().all(|name| folder.join(name).is_dir());
    Ok(match layout {
        DatasetLayout::Cases => folder.join(CASES).is_file(),
        DatasetLayout::Folders => has(&["images", "masks"]),
        DatasetLayout::Montgomery => has(&[FILMS, LUNG_MASKS[0], LUNG_MASKS[1]]),
        DatasetLayout::Shenzhen => has(&[FILMS, MASKS]),
        DatasetLayout::Jsrt => {
            let found = JsrtFiles::find(folder)?;
            !found.films.is_empty() && found.mask_folders.iter().all(|folders| !folders.is_empty())
        }
    })
}
