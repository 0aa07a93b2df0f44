//! Writes files that appear on disk whole or not at all.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes `bytes` to the file at `path`, and replaces a file that is there.
///
/// A reader sees the old file or the new one, never a part of either, also after a power failure. The bytes are written
/// to a temporary file in the same directory, which is then renamed.
///
/// # Errors
/// Returns the error of the file system. A file that was at `path` is unchanged then.
///
/// # Examples
/// ```
/// use lungfield_support::files;
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("report.json");
/// files::replace(&path, b"{}")?;
/// files::replace(&path, b"[]")?;
/// assert_eq!(std::fs::read(&path)?, b"[]");
/// assert_eq!(std::fs::read_dir(directory.path())?.count(), 1);
/// # Ok::<_, std::io::Error>(())
/// ```
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut partial = PartialFile::create(path)?;
    partial.write_all(bytes)?;
    partial.replace()
}

/// Writes `bytes` to a new file at `path`.
///
/// Like with [`replace`], a reader never sees a part of the file.
///
/// # Errors
/// Returns an error of the kind [`AlreadyExists`] where there is a file at `path`, which then stays, and otherwise the
/// error of the file system.
///
/// [`AlreadyExists`]: io::ErrorKind::AlreadyExists
///
/// # Examples
/// ```
/// use std::io::ErrorKind;
///
/// use lungfield_support::files;
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("claim");
/// files::create(&path, b"first")?;
/// let error = files::create(&path, b"second").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::AlreadyExists);
/// assert_eq!(std::fs::read(&path)?, b"first");
/// # Ok::<_, std::io::Error>(())
/// ```
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut partial = PartialFile::create(path)?;
    partial.write_all(bytes)?;
    let PartialFile { file, path } = partial;
    file.as_file().sync_all()?;
    file.persist_noclobber(&path)
        .map_err(|failed| failed.error)?;
    sync_folder(&path)
}

/// A file that is being written under a temporary name. Dropping it deletes it.
///
/// It is for files that are written in pieces. [`replace`] writes one from bytes in memory.
///
/// # Examples
/// ```
/// use std::io::Write;
///
/// use lungfield_support::files::PartialFile;
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("table.csv");
/// let mut table = PartialFile::create(&path)?;
/// writeln!(table, "film,dice")?;
/// assert!(!path.exists());
/// table.replace()?;
/// assert_eq!(std::fs::read(&path)?, b"film,dice\n");
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct PartialFile {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl PartialFile {
    /// Creates an empty file in the directory of `path`, which must exist.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn create(path: &Path) -> io::Result<Self> {
        // By default only its owner can read a temporary file. This one has the permissions of any other file.
        let permissions = std::fs::Permissions::from_mode(0o666);
        let file = tempfile::Builder::new()
            .permissions(permissions)
            .tempfile_in(folder(path))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Moves the file to its path, and replaces a file that is there. The content is on disk when this returns.
    ///
    /// # Errors
    /// Returns the error of the file system. A file that was at the path is unchanged then.
    pub fn replace(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file
            .persist(&self.path)
            .map_err(|failed| failed.error)?;
        sync_folder(&self.path)
    }
}

impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Writes the directory of `path` to disk: the file's name survives a power failure only then.
fn sync_folder(path: &Path) -> io::Result<()> {
    fs_err::File::open(folder(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"new");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_there_is_not_created_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create(&path, b"first").unwrap();
        assert_eq!(
            create(&path, b"second").unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs_err::read(&path).unwrap(), b"first");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs_err::create_dir(&path).unwrap();
        assert!(replace(&path, b"new").is_err());
        assert!(path.is_dir());
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    }
}
