//! Decides how the data sets that are read here lie on disk, and how they are told apart.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::problem::Problem;

/// The list of cases in a folder that has one.
pub(super) const CASES: &str = "cases.csv";
/// The folder of the films in the Montgomery and Shenzhen sets.
pub(super) const FILMS: &str = "CXR_png";
/// The folders of the masks in the Montgomery set.
pub(super) const LUNG_MASKS: [&str; 2] = ["ManualMask/leftMask", "ManualMask/rightMask"];
/// The folder of the masks in the Shenzhen set.
pub(super) const MASKS: &str = "mask";
/// How deep in the folder of a JSRT set its films and masks may lie.
const JSRT_DEPTH: usize = 3;
/// The folders of a JSRT fold's masks.
pub(super) const SCR_MASKS: [&str; 2] = ["masks/left lung", "masks/right lung"];

/// How a data set lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Layout {
    /// `cases.csv`, which goes before whatever else the folder holds, with the columns case, source, image, reference and, where they are known, patient, split, finding
    /// and `doubtful_reference`; paths start from its folder
    Cases,
    /// `images/` and `masks/`, with files of the same name but for the extension; a mask may add `_mask` or `-mask`
    Folders,
    /// The Montgomery set: `CXR_png/`, `ManualMask/leftMask/` and `ManualMask/rightMask/`
    Montgomery,
    /// The Shenzhen set: `CXR_png/` and `mask/`, each mask named as its film with `_mask` added
    Shenzhen,
    /// The JSRT set with its SCR masks: `*.IMG` and `fold*/masks/`, up to three folders down
    Jsrt,
}

/// The name by which a layout is asked for; those of published sets are also their sources.
impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cases => "cases",
            Self::Folders => "folders",
            Self::Montgomery => "montgomery",
            Self::Shenzhen => "shenzhen",
            Self::Jsrt => "jsrt",
        })
    }
}

impl Layout {
    /// What a folder of this layout holds, and by which it is recognised.
    pub(super) fn signs(self) -> &'static str {
        match self {
            Self::Cases => "cases.csv",
            Self::Folders => "images/ and masks/",
            Self::Montgomery => "CXR_png/, ManualMask/leftMask/ and ManualMask/rightMask/",
            Self::Shenzhen => "CXR_png/ and mask/",
            Self::Jsrt => {
                "*.IMG, fold*/masks/left lung/ and fold*/masks/right lung/ up to three folders down"
            }
        }
    }

    fn fits(self, folder: &Path) -> Result<bool, Problem> {
        let has = |names: &[&str]| names.iter().all(|name| folder.join(name).is_dir());
        Ok(match self {
            Self::Cases => folder.join(CASES).is_file(),
            Self::Folders => has(&["images", "masks"]),
            Self::Montgomery => has(&[FILMS, LUNG_MASKS[0], LUNG_MASKS[1]]),
            Self::Shenzhen => has(&[FILMS, MASKS]),
            Self::Jsrt => {
                let found = JsrtFiles::find(folder)?;
                !found.films.is_empty()
                    && found.mask_folders.iter().all(|folders| !folders.is_empty())
            }
        })
    }
}

/// The layout of a folder: that of its list of cases, where somebody wrote one, else the only one that fits.
pub fn recognise(folder: &Path) -> Result<Layout, Problem> {
    fs_err::read_dir(folder)?;
    if Layout::Cases.fits(folder)? {
        return Ok(Layout::Cases);
    }
    let mut fitting = Vec::new();
    for &layout in Layout::value_variants() {
        if layout != Layout::Cases && layout.fits(folder)? {
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

/// The layout that a folder is said to have, where it has it.
pub(super) fn confirm(folder: &Path, layout: Layout) -> Result<Layout, Problem> {
    fs_err::read_dir(folder)?;
    if layout.fits(folder)? {
        Ok(layout)
    } else {
        Err(Problem::OtherLayout {
            folder: folder.to_owned(),
            layout,
        })
    }
}

/// Where the parts of a JSRT set lie: its films are published apart from its masks, and each unpacks to folders of its
/// own.
#[derive(Debug, Default)]
pub(super) struct JsrtFiles {
    /// The films.
    pub(super) films: Vec<PathBuf>,
    /// The folders of the masks of the left lung and of the right one.
    pub(super) mask_folders: [Vec<PathBuf>; 2],
}

impl JsrtFiles {
    /// Looks through a folder and the folders in it, in the order of their names.
    pub(super) fn find(folder: &Path) -> std::io::Result<Self> {
        let mut found = Self::default();
        found.look(folder, 0)?;
        Ok(found)
    }

    fn look(&mut self, folder: &Path, depth: usize) -> std::io::Result<()> {
        if name(folder).starts_with("fold") {
            for (folders, lung) in self.mask_folders.iter_mut().zip(SCR_MASKS) {
                folders.extend(Some(folder.join(lung)).filter(|folder| folder.is_dir()));
            }
        }
        for path in entries(folder)? {
            if has_extension(&path, "img") && path.is_file() {
                self.films.push(path);
            } else if depth < JSRT_DEPTH && path.is_dir() {
                self.look(&path, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// Names in a folder that file managers and file systems leave there, besides hidden ones.
const CLUTTER: [&str; 3] = ["Thumbs.db", "desktop.ini", "lost+found"];

/// The files and folders in a folder, by name. Hidden ones and what file managers and file systems leave there are none.
pub(super) fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs_err::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| !name(path).starts_with('.') && !CLUTTER.contains(&name(path).as_str()));
    paths.sort();
    Ok(paths)
}

/// A file's name.
pub(super) fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Whether a file's name has an extension, in whatever case.
pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A folder with empty files.
    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        folder
    }

    const SAMPLES: [(Layout, &[&str]); 5] = [
        (Layout::Cases, &["cases.csv", "films/a.png"]),
        (Layout::Folders, &["images/a.png", "masks/a.png"]),
        (
            Layout::Montgomery,
            &[
                "CXR_png/a.png",
                "ManualMask/leftMask/a.png",
                "ManualMask/rightMask/a.png",
            ],
        ),
        (Layout::Shenzhen, &["CXR_png/a.png", "mask/a_mask.png"]),
        (
            Layout::Jsrt,
            &[
                "All/a.IMG",
                "x/scratch/fold1/masks/left lung/a.gif",
                "x/scratch/fold1/masks/right lung/a.gif",
            ],
        ),
    ];

    #[test]
    fn each_layout_is_recognised_by_its_signs() {
        for (layout, files) in SAMPLES {
            let folder = folder(files);
            assert_eq!(recognise(folder.path()).unwrap(), layout);
            assert_eq!(confirm(folder.path(), layout).unwrap(), layout);
        }
    }

    #[test]
    fn a_layout_that_lacks_a_sign_is_not_recognised() {
        for (layout, files) in SAMPLES {
            for missing in 0..files.len().min(3) {
                let mut files = files.to_vec();
                files.remove(missing);
                let folder = folder(&files);
                let whole = layout == Layout::Cases && missing == 1;
                assert_eq!(recognise(folder.path()).is_ok(), whole, "{files:?}");
                assert_eq!(confirm(folder.path(), layout).is_ok(), whole, "{files:?}");
            }
        }
    }

    #[test]
    fn a_folder_that_fits_nothing_hears_what_was_looked_for() {
        let text = recognise(folder(&["films/a.png"]).path())
            .unwrap_err()
            .to_string();
        for layout in Layout::value_variants() {
            assert!(
                text.contains(layout.signs()) && text.contains(&layout.to_string()),
                "{text}"
            );
        }
        let text = recognise(Path::new("/nowhere/at-all"))
            .unwrap_err()
            .to_string();
        assert!(text.contains("/nowhere/at-all"), "{text}");
    }

    #[test]
    fn a_folder_that_fits_several_layouts_asks_which_is_meant() {
        let folder = folder(&[
            "CXR_png/a.png",
            "mask/a_mask.png",
            "images/a.png",
            "masks/a.png",
        ]);
        let text = recognise(folder.path()).unwrap_err().to_string();
        let named = text.contains("folders (images/ and masks/)")
            && text.contains("shenzhen (CXR_png/ and mask/)");
        assert!(named && !text.contains("montgomery"), "{text}");
        assert_eq!(
            confirm(folder.path(), Layout::Shenzhen).unwrap(),
            Layout::Shenzhen
        );
        let text = confirm(folder.path(), Layout::Montgomery)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("montgomery") && text.contains("ManualMask/leftMask/"),
            "{text}"
        );
    }

    #[test]
    fn a_list_of_cases_goes_before_what_else_a_folder_holds() {
        let folder = folder(&["cases.csv", "images/a.png", "masks/a.png"]);
        assert_eq!(recognise(folder.path()).unwrap(), Layout::Cases);
        assert_eq!(
            confirm(folder.path(), Layout::Folders).unwrap(),
            Layout::Folders
        );
    }

    #[test]
    fn the_parts_of_jsrt_lie_up_to_three_folders_down() {
        let found = |files: &[&str]| {
            let found = JsrtFiles::find(folder(files).path()).unwrap();
            (
                found.films.len(),
                found.mask_folders.map(|folders| folders.len()),
            )
        };
        assert_eq!(
            found(&[
                "b.IMG",
                "1/a.img",
                "1/2/3/a.IMG",
                "1/2/3/4/c.IMG",
                "1/a.png"
            ]),
            (3, [0, 0])
        );
        let folds = ["fold1", "1/fold2", "1/2/fold3", "1/2/3/fold4", "1/other"];
        let files = folds.map(|fold| format!("{fold}/masks/left lung/a.gif"));
        assert_eq!(found(&files.each_ref().map(String::as_str)), (0, [3, 0]));
    }

    #[test]
    fn clutter_is_no_file() {
        let folder = folder(&[
            ".DS_Store",
            "._a.png",
            "Thumbs.db",
            "desktop.ini",
            "lost+found/c.png",
            "b.png",
            "a.png",
        ]);
        let names: Vec<_> = entries(folder.path())
            .unwrap()
            .iter()
            .map(|path| name(path))
            .collect();
        assert_eq!(names, ["a.png", "b.png"]);
    }

    #[test]
    fn a_layout_is_asked_for_by_the_name_that_it_shows() {
        for layout in Layout::value_variants() {
            assert_eq!(
                Layout::from_str(&layout.to_string(), false).as_ref(),
                Ok(layout)
            );
        }
    }
}
