//! Segments one film of an archive. It ends in a mask and a row, in a row alone, or in the end of the run.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::address::Address;
use super::files::{FileError, Files, Opened};
use super::row::Row;
use super::sources::Found;
use lungfield_codec::names::{reference_names, result_name};
use lungfield_codec::rendering::Rendering;
use lungfield_engine::EngineError;
use lungfield_engine::pipeline::{Film, Pipeline, PipelineError, SegmentOptions};
use lungfield_radiograph::mask::Threshold;
use lungfield_support::sha256;

/// The deadline of a film. No caller waits for it, so it only ends films that are stuck.
const LONGEST: Duration = Duration::from_mins(10);
/// The unit in which bytes that are held are counted.
const KIB: u64 = 1024;

/// The options of a worker.
#[derive(Clone, Debug)]
pub struct FilmOptions {
    /// The output folder or prefix.
    pub out: Address,
    /// The folder or prefix of reference masks, where there is one.
    pub reference: Option<Address>,
    /// The rendering in which masks are written.
    pub rendering: Rendering,
    /// The probability from which on a pixel is lung; `None` for the model's own.
    pub threshold: Option<Threshold>,
    /// The largest file of a film, in bytes.
    pub max_file_bytes: u64,
    /// The most bytes of files that are held at a time.
    pub read_ahead_bytes: u64,
}

/// Why a run can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The model is lost, or its device is out of memory.
    #[error("the model fails: {0}")]
    Model(EngineError),
    /// A store fails: films can't be read, or masks can't be written.
    #[error("{place}: {error}")]
    File {
        /// The file.
        place: String,
        /// The error.
        error: FileError,
    },
}

/// Why one film has no mask, as its row says.
struct Refusal {
    code: &'static str,
    detail: String,
}

/// Why a film has no mask.
enum Failure {
    /// The film or its reference mask is unusable; the run goes on.
    Film(Refusal),
    /// The run can't go on.
    Run(Broken),
}

/// A worker that segments the films of an archive.
#[derive(Debug)]
pub struct Worker<'a> {
    pipeline: &'a Pipeline,
    files: &'a Files,
    options: FilmOptions,
    held: Semaphore,
    /// The components of the folder of masks, from the root.
    masks: Vec<String>,
}

impl<'a> Worker<'a> {
    /// Creates a worker whose films go through this pipeline.
    #[must_use]
    pub fn new(pipeline: &'a Pipeline, files: &'a Files, options: FilmOptions) -> Self {
        let held = usize::try_from(options.read_ahead_bytes / KIB).unwrap_or(usize::MAX);
        let held = Semaphore::new(held.min(Semaphore::MAX_PERMITS));
        let masks = options.out.join("masks").absolute().steps();
        Self {
            pipeline,
            files,
            options,
            held,
            masks,
        }
    }

    /// Segments a film, writes its mask, and returns its row.
    ///
    /// # Errors
    /// Returns an error if the model or a store fails, so that other films would fail too.
    pub async fn film(&self, found: Found) -> Result<Row, Broken> {
        let mut sha256 = None;
        let row = match self.segment(&found, &mut sha256).await {
            Ok(row) => row,
            Err(Failure::Film(Refusal { code, detail })) => Row::failed(found.file, code, detail),
            Err(Failure::Run(broken)) => return Err(broken),
        };
        Ok(Row { sha256, ..row })
    }

    async fn segment(&self, found: &Found, sha256: &mut Option<String>) -> Result<Row, Failure> {
        let name = found.name.as_deref().ok_or_else(unnameable)?;
        let address = Address::parse(&found.file)
            .map_err(|error| refusal("unreadable", error.to_string()))?;
        self.nameable(&address, name)?;
        let opened = self
            .files
            .open(&address)
            .await
            .map_err(|error| unread(&address, error))?;
        let (image, _held) = self.read(&address, opened).await?;
        let (image, digest) = hashed(image).await;
        *sha256 = Some(digest);
        let reference = self.reference(&address, name).await?;
        let options = SegmentOptions {
            threshold: self.options.threshold,
            deadline: Instant::now() + LONGEST,
        };
        let film = Film {
            image: image.into(),
            reference: reference.map(Into::into),
        };
        let rendering = self.options.rendering.clone();
        let extension = rendering.format().extension;
        let rendered = self
            .pipeline
            .render(film, rendering, options)
            .await
            .map_err(unsegmented)?;
        let mask = format!("masks/{}", result_name(name, extension));
        let place = self.options.out.join(&mask);
        let file = rendered.encoded.into_file();
        self.files
            .write(&place, file.bytes.into())
            .await
            .map_err(|error| unwritten(&place, error))?;
        let film = found.file.clone();
        Ok(Row::written(film, mask, rendered.segmentation.as_ref()))
    }

    /// Refuses a film whose mask would replace another film, or whose mask's name the output can't have.
    fn nameable(&self, address: &Address, name: &str) -> Result<(), Failure> {
        if address.absolute().steps().starts_with(&self.masks) {
            return Err(refusal(
                "unnameable",
                "the film lies in the folder of the masks".to_owned(),
            ));
        }
        let in_bucket = matches!(self.options.out, Address::Object { .. });
        if in_bucket && name.chars().any(char::is_control) {
            return Err(refusal(
                "unnameable",
                "the name of the file has control characters, which the key of an object can't have".to_owned(),
            ));
        }
        Ok(())
    }

    /// Reads a file. Its bytes are counted until the permit is dropped.
    async fn read(
        &self,
        address: &Address,
        opened: Opened,
    ) -> Result<(Bytes, SemaphorePermit<'_>), Failure> {
        let (size, most) = (opened.size_bytes(), self.options.max_file_bytes);
        if size > most {
            let detail = format!("the file has {size} bytes; at most {most} are read");
            return Err(refusal("file_too_large", detail));
        }
        let kib = u32::try_from(size.div_ceil(KIB)).unwrap_or(u32::MAX);
        let all = u32::try_from(self.options.read_ahead_bytes / KIB).unwrap_or(u32::MAX);
        let held = self
            .held
            .acquire_many(kib.min(all))
            .await
            .expect("the semaphore is never closed");
        let bytes = opened
            .read()
            .await
            .map_err(|error| unread(address, error))?;
        Ok((bytes, held))
    }

    /// Reads the reference mask of a film, where there is one.
    async fn reference(&self, film: &Address, name: &str) -> Result<Option<Bytes>, Failure> {
        let Some(folder) = &self.options.reference else {
            return Ok(None);
        };
        for name in reference_names(name) {
            let address = folder.join(&name);
            // If films and masks share a folder, a film must not be taken for its own mask.
            if address.absolute() == film.absolute() {
                continue;
            }
            match self.files.open(&address).await {
                Err(FileError::NotFound) => (),
                Err(FileError::Denied) => {
                    return Err(refusal(
                        "unreadable",
                        "access to the reference mask is denied".to_owned(),
                    ));
                }
                Err(error) => return Err(unread(&address, error)),
                Ok(opened) => {
                    // Not counted: a mask is small beside its film, and waiting for bytes that other films hold could deadlock.
                    let (size, most) = (opened.size_bytes(), self.options.max_file_bytes);
                    if size > most {
                        let detail =
                            format!("the reference mask has {size} bytes; at most {most} are read");
                        return Err(refusal("file_too_large", detail));
                    }
                    let bytes = opened
                        .read()
                        .await
                        .map_err(|error| unread(&address, error))?;
                    return Ok(Some(bytes));
                }
            }
        }
        Ok(None)
    }
}

/// Hashes a file with SHA-256.
async fn hashed(bytes: Bytes) -> (Bytes, String) {
    let hash = move || {
        let digest = sha256::hex(&bytes);
        (bytes, digest)
    };
    tokio::task::spawn_blocking(hash)
        .await
        .expect("hashing does not panic")
}

fn refusal(code: &'static str, detail: String) -> Failure {
    Failure::Film(Refusal { code, detail })
}

fn unnameable() -> Failure {
    refusal(
        "unnameable",
        "the name of the file is not valid Unicode".to_owned(),
    )
}

/// Sorts an error of reading: a file that is gone or locked fails its film alone, a store that fails ends the run.
fn unread(address: &Address, error: FileError) -> Failure {
    match error {
        FileError::NotFound
        | FileError::Denied
        | FileError::AlreadyExists
        | FileError::Unusable(_) => refusal("unreadable", error.to_string()),
        FileError::Storage(_) => Failure::Run(Broken::File {
            place: address.to_string(),
            error,
        }),
    }
}

/// Sorts an error of writing: a name that this machine can't have fails its film alone.
fn unwritten(place: &Address, error: FileError) -> Failure {
    match (place, error) {
        (
            Address::Local(_),
            FileError::NotFound | FileError::AlreadyExists | FileError::Unusable(_),
        ) => refusal(
            "unnameable",
            "a file with the name of the mask can't be created".to_owned(),
        ),
        (_, error) => Failure::Run(Broken::File {
            place: place.to_string(),
            error,
        }),
    }
}

/// Sorts an error of the pipeline: a lost model ends the run, other errors fail one film.
fn unsegmented(error: PipelineError) -> Failure {
    match error {
        PipelineError::Engine(
            error @ (EngineError::Overloaded
            | EngineError::Draining
            | EngineError::Stopped
            | EngineError::OutOfMemory),
        ) => Failure::Run(Broken::Model(error)),
        error => refusal(error.code(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lungfield_codec::rendering::RenderError;

    #[test]
    fn a_lost_model_ends_the_run_and_a_bad_film_does_not() {
        for lost in [
            EngineError::Stopped,
            EngineError::OutOfMemory,
            EngineError::Draining,
        ] {
            assert!(matches!(
                unsegmented(lost.into()),
                Failure::Run(Broken::Model(_))
            ));
        }
        for bad in [
            PipelineError::Render(RenderError::NotDicom),
            PipelineError::Broken,
            EngineError::Failed.into(),
        ] {
            assert!(matches!(unsegmented(bad), Failure::Film(_)));
        }
    }
}
