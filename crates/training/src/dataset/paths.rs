//! Reads folders and the names of files.

use std::path::{Path, PathBuf};

/// Names that file managers and file systems leave in folders, besides hidden files.
const CLUTTER: [&str; 3] = ["Thumbs.db", "desktop.ini", "lost+found"];

/// Returns the files and folders in a folder, sorted. Hidden ones and [`CLUTTER`] are left out.
pub(super) fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs_err::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| !name(path).starts_with('.') && !CLUTTER.contains(&name(path).as_str()));
    paths.sort();
    Ok(paths)
}

/// Returns the files in a folder, sorted: all of them, or those with an extension.
pub(super) fn files(folder: &Path, extension: Option<&str>) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = entries(folder)?;
    paths.retain(|path| {
        extension.is_none_or(|extension| has_extension(path, extension)) && path.is_file()
    });
    Ok(paths)
}

/// Returns the last component of a path.
pub(super) fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Returns the last component of a path without its extension.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Returns whether a file name has an extension, in upper or lower case.
pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clutter_and_hidden_files_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            ".DS_Store",
            "._a.png",
            "Thumbs.db",
            "desktop.ini",
            "b.png",
            "a.png",
        ];
        for name in names {
            fs_err::write(folder.path().join(name), "").unwrap();
        }
        fs_err::create_dir(folder.path().join("lost+found")).unwrap();
        let found: Vec<_> = entries(folder.path())
            .unwrap()
            .iter()
            .map(|path| name(path))
            .collect();
        assert_eq!(found, ["a.png", "b.png"]);
    }
}
