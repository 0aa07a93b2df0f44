//! Decides how files are read, written and listed, wherever they are; and whose fault it is where that fails.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{
    GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, WriteMultipart,
};
use tokio::task::spawn_blocking;

use super::address::Address;
use lungfield_support::files;

/// Parts of a large object that are on their way at a time.
const PARTS: usize = 2;

/// Files of this machine and of the buckets that credentials in the environment open.
#[derive(Debug, Default)]
pub struct Files {
    buckets: Mutex<HashMap<String, Arc<AmazonS3>>>,
}

/// Why a file is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is none of this name.
    #[error("there is no such file")]
    Missing,
    /// This one may not be read or written.
    #[error("access is denied")]
    Denied,
    /// One of this name is there already.
    #[error("it is there already")]
    Taken,
    /// It is no file that can be read or written, or its name can't be one.
    #[error("it can't be read or written: {0}")]
    Odd(#[source] io::Error),
    /// What holds the files does not answer as it should. No other file will fare better.
    #[error("the store fails: {0}")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
                Self::Missing
            }
            ErrorKind::PermissionDenied => Self::Denied,
            ErrorKind::AlreadyExists => Self::Taken,
            ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::OutOfMemory
            | ErrorKind::TimedOut
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable => Self::Store(Box::new(error)),
            _ if too_many_open(&error) => Self::Store(Box::new(error)),
            _ => Self::Odd(error),
        }
    }
}

/// Whether this process, or all together, have as many files open as they may.
fn too_many_open(error: &io::Error) -> bool {
    let limits = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    error
        .raw_os_error()
        .is_some_and(|code| limits.iter().any(|limit| limit.raw_os_error() == code))
}

impl From<object_store::Error> for FileError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            object_store::Error::PermissionDenied { .. } => Self::Denied,
            object_store::Error::AlreadyExists { .. } => Self::Taken,
            other => Self::Store(Box::new(other)),
        }
    }
}

/// A file whose size is known, and of which nothing has been read.
#[derive(Debug)]
pub(super) enum Opened {
    Local(fs_err::File, u64),
    Object(Box<GetResult>),
}

impl Files {
    fn bucket(&self, name: &str) -> Result<Arc<AmazonS3>, FileError> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let bucket = Arc::new(AmazonS3Builder::from_env().with_bucket_name(name).build()?);
        buckets.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    pub(super) async fn open(&self, address: &Address) -> Result<Opened, FileError> {
        match address {
            Address::Local(path) => {
                let path = path.clone();
                blocking(move || {
                    // Before it is opened: what is no file may never end, or never begin.
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

    /// The whole of a small file.
    pub(super) async fn read(&self, address: &Address) -> Result<Bytes, FileError> {
        self.open(address).await?.read().await
    }

    /// Puts a file in its place, for whatever was there. It appears whole or not at all.
    pub(super) async fn write(&self, address: &Address, bytes: Bytes) -> Result<(), FileError> {
        match address {
            Address::Local(path) => {
                let path = path.clone();
                blocking(move || {
                    make_room(&path)?;
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

    /// The same, but [`FileError::Taken`] where there is one already.
    pub(super) async fn create(&self, address: &Address, bytes: Bytes) -> Result<(), FileError> {
        match address {
            Address::Local(path) => {
                let path = path.clone();
                blocking(move || {
                    make_room(&path)?;
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

    /// A file that is written piece by piece.
    pub(super) async fn writer(&self, address: &Address) -> Result<Writer, FileError> {
        match address {
            Address::Local(path) => {
                make_room(path)?;
                Ok(Writer::Local(files::PartialFile::create(path)?))
            }
            Address::Object { bucket, key } => {
                let upload = self.bucket(bucket)?.put_multipart(key).await?;
                Ok(Writer::Object(WriteMultipart::new(upload)))
            }
        }
    }

    /// The names of the files right in a folder, sorted; none where there is no such folder.
    pub(super) async fn names(&self, folder: &Address) -> Result<Vec<String>, FileError> {
        let mut names = match folder {
            Address::Local(path) => {
                let path = path.clone();
                blocking(move || names(&path)).await?
            }
            Address::Object { .. } => {
                let metas: Vec<_> = self.objects(folder)?.try_collect().await?;
                metas
                    .iter()
                    .filter_map(|meta| meta.location.filename().map(str::to_owned))
                    .collect()
            }
        };
        names.sort_unstable();
        Ok(names)
    }

    /// The objects below an address in a bucket.
    pub(super) fn objects(
        &self,
        address: &Address,
    ) -> Result<BoxStream<'static, Result<ObjectMeta, FileError>>, FileError> {
        let Address::Object { bucket, key } = address else {
            unreachable!("what lies in folders is walked through there")
        };
        let prefix = (!key.is_root()).then_some(key);
        Ok(self
            .bucket(bucket)?
            .list(prefix)
            .map_err(FileError::from)
            .boxed())
    }

    /// Whether there is an object of this very name.
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
            Err(FileError::Missing) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Opened {
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::Local(_, size) => *size,
            Self::Object(object) => object.meta.size,
        }
    }

    pub(super) async fn read(self) -> Result<Bytes, FileError> {
        match self {
            Self::Local(mut file, size) => {
                blocking(move || {
                    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
                    // One that grows meanwhile is cut, so that it takes no more than was counted.
                    io::Read::read_to_end(&mut io::Read::take(&mut file, size), &mut bytes)?;
                    Ok(Bytes::from(bytes))
                })
                .await
            }
            Self::Object(object) => Ok(object.bytes().await?),
        }
    }
}

/// A file on its way. Dropped before its end, it leaves nothing but parts that a bucket's rules remove.
pub(super) enum Writer {
    Local(files::PartialFile),
    Object(WriteMultipart),
}

impl Writer {
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

fn make_room(path: &Path) -> io::Result<()> {
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

/// Runs what waits for a disk where it holds up nothing else.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FileError> {
    let done = spawn_blocking(work)
        .await
        .map_err(|error| FileError::Store(Box::new(error)))?;
    Ok(done?)
}
