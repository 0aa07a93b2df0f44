//! Lists the cases of data sets.

mod case_list;
mod cases_csv;
mod collector;
mod folders;
mod pairing;
mod published;

use std::path::{Path, PathBuf};

pub use self::case_list::{CaseList, ListOptions};
use self::collector::Collector;
use super::case::Case;
use super::layout::DatasetLayout;
use super::paths::name;
use super::problem::{Problem, Problems};
use super::recognise::{confirm, recognise};
use super::split::Split;

/// A data set on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetFolder {
    /// The folder of the data set.
    pub folder: PathBuf,
    /// The layout of the folder, or `None` to recognise it.
    pub layout: Option<DatasetLayout>,
}

/// Lists the cases of some data sets; at least one case of each.
///
/// The cases of a data set are in the order of its `cases.csv`, or sorted by name if it has none. Only `cases.csv` is
/// opened; films and masks are found by their names. A mask without a film is a problem in every layout, since each data
/// set was published with a film for every mask: where one is missing, the copy is incomplete.
///
/// ```
/// use lungfield_training::dataset::{DatasetFolder, ListOptions, list};
///
/// let folder = tempfile::tempdir()?;
/// for name in ["images/a.png", "masks/a.png", "images/b.png", "masks/b_mask.png"] {
///     let path = folder.path().join(name);
///     std::fs::create_dir_all(path.parent().unwrap())?;
///     std::fs::write(path, "")?;
/// }
/// let data = DatasetFolder {
///     folder: folder.path().to_owned(),
///     layout: None,
/// };
/// let listed = list(&[data], ListOptions::default())?;
/// let names: Vec<_> = listed.cases.iter().map(|case| case.name.as_str()).collect();
/// assert_eq!(names, ["a", "b"]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn list(data: &[DatasetFolder], options: ListOptions) -> Result<CaseList, Problems> {
    let mut collector = Collector::new(options);
    for folder in data {
        let before = (collector.cases.len(), collector.problems.len());
        if let Err(problem) = list_folder(folder, &mut collector) {
            collector.problems.push(problem);
        }
        if (collector.cases.len(), collector.problems.len()) == before {
            collector.problems.push(Problem::Empty {
                folder: folder.folder.clone(),
            });
        }
    }
    collector.finish()
}

fn list_folder(data: &DatasetFolder, collector: &mut Collector) -> Result<(), Problem> {
    let folder = &data.folder;
    let layout = match data.layout {
        Some(layout) => confirm(folder, layout)?,
        None => recognise(folder)?,
    };
    match layout {
        DatasetLayout::Cases => cases_csv::list(folder, collector)?,
        DatasetLayout::Folders => folders::list(folder, &folder_name(folder)?, collector)?,
        DatasetLayout::Montgomery => published::list_montgomery(folder, collector)?,
        DatasetLayout::Shenzhen => published::list_shenzhen(folder, collector)?,
        DatasetLayout::Jsrt => published::list_jsrt(folder, collector)?,
    }
    Ok(())
}

/// Returns the name of a folder, even if it was given as `.` or `a/..`.
fn folder_name(folder: &Path) -> std::io::Result<String> {
    Ok(if folder.file_name().is_some() {
        name(folder)
    } else {
        name(&fs_err::canonicalize(folder)?)
    })
}

/// Returns the cases of one split, in their order; at least one.
pub fn in_split(cases: &[Case], split: Split) -> Result<Vec<Case>, Problems> {
    let chosen: Vec<_> = cases
        .iter()
        .filter(|case| case.split == Some(split))
        .cloned()
        .collect();
    if chosen.is_empty() {
        return Err(Problem::EmptySplit {
            split,
            among: cases.len(),
        }
        .into());
    }
    Ok(chosen)
}
