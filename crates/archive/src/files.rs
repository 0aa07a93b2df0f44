//! Reads, writes and lists files on this machine and in S3 buckets.
//!
//! Errors say whether one file is unusable or its store fails: [`FileError`].

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{
    GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, WriteMultipart,
};
use tokio::task::spawn_blocking;

use super::address::Address;
use lungfield_support::files;

/// The most parts of a large object that are uploaded at the same time.
const PARTS: usize = 2;

/// The files of this machine and of S3 buckets.
///
/// Buckets are opened when they are first used, with the credentials and settings of the variables `AWS_…`.
#[derive(Debug, Default)]
pub struct Files {
    buckets: Mutex<HashMap<String, Arc<AmazonS3>>>,
}

/// Why a file can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no file of this name.
    #[error("there is no such file")]
    NotFound,
    /// The file may not be read or written.
    #[error("access is denied")]
    Denied,
    /// A file of this name exists already.
    #[error("the file exists already")]
    AlreadyExists,
    /// The file itself or its name is unusable; other files are not affected.
    #[error("it can't be read or written: {0}")]
    Unusable(#[source] io::Error),
    /// The disk or the bucket fails, so that other files would fail too.
    #[error("the storage fails: {0}")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
                Self::NotFound
            }
            ErrorKind::PermissionDenied => Self::Denied,
            ErrorKind::AlreadyExists => Self::AlreadyExists,
            ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::OutOfMemory
            | ErrorKind::TimedOut
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable => Self::Storage(Box::new(error)),
            _ if too_many_open(&error) => Self::Storage(Box::new(error)),
            _ => Self::Unusable(error),
        }
    }
}

/// Returns whether an error says that this process or the system has too many open files.
fn too_many_open(error: &io::Error) -> bool {
    let limits = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    error
        .raw_os_error()
        .is_some_and(|code| limits.iter().any(|limit| limit.raw_os_error() == code))
}

impl From<object_store::Error> for FileError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            object_store::Error::PermissionDenied { .. } => Self::Denied,
            object_store::Error::AlreadyExists { .. } => Self::AlreadyExists,
            other => Self::Storage(Box::new(other)),
        }
    }
}

/// An open file whose size is known.
#[derive(Debug)]
pub(super) enum Opened {
    Local(fs_err::File, u64),
    Object(Box<GetResult>),
}

impl Files {
    /// Returns the client of a bucket.
    fn bucket(&self, name: &str) -> Result<Arc<AmazonS3>, FileError> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let bucket = Arc::new(AmazonS3Builder::from_env().with_bucket_name(name).build()?);
        buckets.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// Opens a file.
    pub(super) async fn open(&self, address: &Address) -> Result<Opened, FileError> {
        match address {
            Address::Local(path) => {
                let path = path.clone();
                blocking(move || {
                    // Checked before it is opened: opening or reading a pipe might never return.
                    if !fs_err::metadata(&path)?.is_file() {
                        return Err(ErrorKind::NotFound.into());
                    }
                    let file = fs_err::File::open(path)?;
                    let size = file.metadata()?.len();
                    Ok(Opened::Local(file, size))
                })
                .await
            }
            Address::Object { bucket, key } => Ok(Opened::Object(Box::new(
                self.bucket(bucket)?.get(key).await?,
            ))),
        }
    }

    /// Reads a small file whole.
    pub(super) async fn read(&self, address: &Address) -> Result<Bytes, FileError> {
        self.open(address).await?.read().await
    }

    /// Writes a file, and replaces an existing one. The file appears whole or not at all.
    pub(super) async fn write(&self, address: &Address, bytes: Bytes) -> Result<(), FileError> {
        match address {
            Address::Local(path) => {
                let path = path.clone();
                blocking(move || {
                    create_folder_of(&path)?;
                    files::replace(&path, &bytes)
                })
                .await
            }
            Address::Object { bucket, key } => {
                self.bucket(bucket)?.put(key, bytes.into()).await?;
                Ok(())
            }
        }
    }

    /// Writes a new file. The file appears whole or not at all; an existing one stays, with [`FileError::AlreadyExists`].
    pub(super) async fn create(&self, address: &Address, bytes: Bytes) -> Result<(), FileError> {
        match address {
            Address::Local(path) => {
                let path = path.clone();
                blocking(move || {
                    create_folder_of(&path)?;
                    files::create(&path, &bytes)
                })
                .await
            }
            Address::Object { bucket, key } => {
                let new = PutOptions {
                    mode: PutMode::Create,
                    ..PutOptions::default()
                };
                self.bucket(bucket)?
                    .put_opts(key, bytes.into(), new)
                    .await?;
                Ok(())
            }
        }
    }

    /// Begins a file that is written piece by piece.
    pub(super) async fn writer(&self, address: &Address) -> Result<Writer, FileError> {
        match address {
            Address::Local(path) => {
                create_folder_of(path)?;
                Ok(Writer::Local(files::PartialFile::create(path)?))
            }
            Address::Object { bucket, key } => {
                let upload = self.bucket(bucket)?.put_multipart(key).await?;
                Ok(Writer::Object(WriteMultipart::new(upload)))
            }
        }
    }

    /// Lists the names of the files directly in a folder, sorted; none if there is no such folder.
    pub(super) async fn names(&self, folder: &Address) -> Result<Vec<String>, FileError> {
        let mut names = match folder {
            Address::Local(path) => {
                let path = path.clone();
                blocking(move || names(&path)).await?
            }
            Address::Object { bucket, key } => {
                let metas: Vec<_> = self.objects(bucket, key)?.try_collect().await?;
                metas
                    .iter()
                    .filter_map(|meta| meta.location.filename().map(str::to_owned))
                    .collect()
            }
        };
        names.sort_unstable();
        Ok(names)
    }

    /// Lists the objects of a bucket whose keys are below `prefix`.
    pub(super) fn objects(
        &self,
        bucket: &str,
        prefix: &Key,
    ) -> Result<BoxStream<'static, Result<ObjectMeta, FileError>>, FileError> {
        let prefix = (!prefix.is_root()).then_some(prefix);
        Ok(self
            .bucket(bucket)?
            .list(prefix)
            .map_err(FileError::from)
            .boxed())
    }

    /// Returns whether there is an object with exactly this key.
    pub(super) async fn is_object(&self, address: &Address) -> Result<bool, FileError> {
        let Address::Object { bucket, key } = address else {
            return Ok(false);
        };
        if key.is_root() {
            return Ok(false);
        }
        match self
            .bucket(bucket)?
            .head(key)
            .await
            .map_err(FileError::from)
        {
            Ok(_) => Ok(true),
            Err(FileError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Opened {
    /// Returns the size of the file in bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::Local(_, size) => *size,
            Self::Object(object) => object.meta.size,
        }
    }

    /// Reads the file whole.
    pub(super) async fn read(self) -> Result<Bytes, FileError> {
        match self {
            Self::Local(mut file, size) => {
                blocking(move || {
                    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
                    // A file that grows meanwhile is cut at the size that was accounted for.
                    io::Read::read_to_end(&mut io::Read::take(&mut file, size), &mut bytes)?;
                    Ok(Bytes::from(bytes))
                })
                .await
            }
            Self::Object(object) => Ok(object.bytes().await?),
        }
    }
}

/// A file that is being written. Dropped before [`Writer::finish`], it leaves no file; a bucket may keep uploaded parts
/// until its lifecycle rules remove them.
pub(super) enum Writer {
    Local(files::PartialFile),
    Object(WriteMultipart),
}

impl Writer {
    /// Appends bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        match self {
            Self::Local(partial) => partial.write_all(bytes)?,
            Self::Object(upload) => {
                upload.wait_for_capacity(PARTS).await?;
                upload.write(bytes);
            }
        }
        Ok(())
    }

    /// Puts the file in its place, and replaces an existing one.
    pub(super) async fn finish(self) -> Result<(), FileError> {
        match self {
            Self::Local(partial) => Ok(partial.replace()?),
            Self::Object(upload) => {
                upload.finish().await?;
                Ok(())
            }
        }
    }
}

/// Creates the folder of a file.
fn create_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs_err::create_dir_all)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Runs disk operations on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FileError> {
    let done = spawn_blocking(work)
        .await
        .map_err(|error| FileError::Storage(Box::new(error)))?;
    Ok(done?)
}
