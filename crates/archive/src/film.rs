//! Decides what becomes of one film of an archive: a mask and a row, a row alone, or the end of the run.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::address::Address;
use super::files::{FileError, Files, Opened};
use super::row::Row;
use super::sources::Found;
use lungfield_codec::dicom::{Algorithm, Kind, Naming, Wanted};
use lungfield_codec::names::MASK_SUFFIXES;
use lungfield_engine::EngineError;
use lungfield_engine::pipeline::{Film, Form, Pipeline, PipelineError, Question, Written};
use lungfield_radiograph::mask::Threshold;
use lungfield_support::sha256;

/// Nobody waits for a film; one that takes this long is stuck.
const LONGEST: Duration = Duration::from_mins(10);
/// What bytes are counted in where they are held.
const KIB: u64 = 1024;

/// What masks are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskFormat {
    /// An 8-bit grey PNG of 0 and 255.
    Png,
    /// COCO's run-length encoding as JSON.
    Rle,
    /// A DICOM segmentation; for films that are DICOM themselves.
    DicomSeg,
}

impl MaskFormat {
    /// What a mask's name adds to its film's.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Rle => "json",
            Self::DicomSeg => "dcm",
        }
    }
}

/// How films are segmented.
#[derive(Clone, Debug)]
pub struct FilmOptions {
    /// Where masks go.
    pub out: Address,
    /// Where reference masks are, if anywhere.
    pub reference: Option<Address>,
    /// What masks are written as.
    pub format: MaskFormat,
    /// The probability from which on a pixel is lung; the model's own where it is `None`.
    pub threshold: Option<Threshold>,
    /// The largest file of a film, in bytes.
    pub max_file_bytes: u64,
    /// The bytes of files that are held at a time.
    pub read_ahead_bytes: u64,
    /// What DICOM objects call the model.
    pub algorithm: Arc<Algorithm>,
    /// When the run began, for DICOM objects.
    pub now: SystemTime,
}

/// Why no film can be segmented any more.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The model is lost, or its device is out of memory.
    #[error("the model fails: {0}")]
    Model(EngineError),
    /// Films can't be read, or masks not written.
    #[error("{place}: {error}")]
    File {
        /// Where.
        place: String,
        /// Why.
        error: FileError,
    },
}

/// What is the matter with one film.
struct Refusal {
    code: &'static str,
    detail: String,
}

/// Why a film has no mask.
enum Failure {
    Film(Refusal),
    Run(Broken),
}

/// Segments films of an archive.
#[derive(Debug)]
pub struct Worker<'a> {
    pipeline: &'a Pipeline,
    files: &'a Files,
    options: FilmOptions,
    held: Semaphore,
    /// The way to the masks, from the root on.
    masks: Vec<String>,
}

impl<'a> Worker<'a> {
    /// A worker whose films go through this pipeline.
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

    /// Segments a film and writes its mask.
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
        let question = Question {
            threshold: self.options.threshold,
            form: self.form(),
            deadline: Instant::now() + LONGEST,
        };
        let mut segmentation = self
            .pipeline
            .segment(
                Film {
                    image: image.into(),
                    reference: reference.map(Into::into),
                },
                question,
            )
            .await
            .map_err(unsegmented)?;
        let mask = format!("masks/{name}.{}", self.options.format.extension());
        let place = self.options.out.join(&mask);
        let bytes = bytes(&mut segmentation.mask);
        self.files
            .write(&place, bytes)
            .await
            .map_err(|error| unwritten(&place, error))?;
        Ok(Row::segmented(found.file.clone(), mask, &segmentation))
    }

    /// Refuses a film whose mask would be called as another film, or by no name that its place can have.
    fn nameable(&self, address: &Address, name: &str) -> Result<(), Failure> {
        if address.absolute().steps().starts_with(&self.masks) {
            return Err(refusal(
                "unnameable",
                "the film lies among the masks".to_owned(),
            ));
        }
        let in_bucket = matches!(self.options.out, Address::Object { .. });
        if in_bucket && name.chars().any(char::is_control) {
            return Err(refusal(
                "unnameable",
                "the file's name can't be that of an object".to_owned(),
            ));
        }
        Ok(())
    }

    /// The bytes of a file, which are counted until the second value is dropped.
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
            .expect("the bytes are never closed");
        let bytes = opened
            .read()
            .await
            .map_err(|error| unread(address, error))?;
        Ok((bytes, held))
    }

    /// The reference mask of a film, where there is one of its name.
    async fn reference(&self, film: &Address, name: &str) -> Result<Option<Bytes>, Failure> {
        let Some(folder) = &self.options.reference else {
            return Ok(None);
        };
        for name in reference_names(name) {
            let address = folder.join(&name);
            // Where films and masks lie together, a film is no mask of its own.
            if address.absolute() == film.absolute() {
                continue;
            }
            match self.files.open(&address).await {
                Err(FileError::Missing) => (),
                Err(FileError::Denied) => {
                    return Err(refusal(
                        "unreadable",
                        "the reference mask: access is denied".to_owned(),
                    ));
                }
                Err(error) => return Err(unread(&address, error)),
                Ok(opened) => {
                    // Not counted: a mask is small beside its film, and waiting here for what others hold could take for ever.
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

    fn form(&self) -> Form {
        match self.options.format {
            MaskFormat::Png => Form::Png,
            MaskFormat::Rle => Form::Rle {
                plain: false,
                with_reference: false,
            },
            // The same UIDs where a film is segmented again.
            MaskFormat::DicomSeg => Form::Dicom(Wanted {
                kind: Kind::Binary,
                naming: Naming::Derived,
                algorithm: Arc::clone(&self.options.algorithm),
                now: self.options.now,
            }),
        }
    }
}

/// What a film's reference mask may be called: as the film, as the masks that are written here, or as in data sets.
fn reference_names(name: &str) -> Vec<String> {
    let (folder, file) = name
        .rsplit_once('/')
        .map_or(("", name), |(folder, file)| (folder, file));
    let slash = if folder.is_empty() { "" } else { "/" };
    let (stem, extension) = file.rsplit_once('.').unwrap_or((file, "png"));
    let mut names = vec![name.to_owned()];
    for extension in [extension, "png"] {
        names.extend(
            MASK_SUFFIXES.map(|suffix| format!("{folder}{slash}{stem}{suffix}.{extension}")),
        );
    }
    names.extend(["png", "json", "dcm"].map(|extension| format!("{name}.{extension}")));
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// A file with the sha256 of its bytes.
async fn hashed(bytes: Bytes) -> (Bytes, String) {
    let hash = move || {
        let digest = sha256::hex(&bytes);
        (bytes, digest)
    };
    tokio::task::spawn_blocking(hash)
        .await
        .expect("hashing does not panic")
}

fn bytes(mask: &mut Written) -> Bytes {
    match mask {
        Written::Png(bytes) | Written::Samples(bytes) | Written::Dicom(bytes) => {
            std::mem::take(bytes).into()
        }
        Written::Rle { mask, .. } => serde_json::to_vec(mask)
            .expect("runs can be written as JSON")
            .into(),
    }
}

fn refusal(code: &'static str, detail: String) -> Failure {
    Failure::Film(Refusal { code, detail })
}

fn unnameable() -> Failure {
    refusal("unnameable", "the file's name is no Unicode".to_owned())
}

/// A file that is gone or locked is that film's matter; a store that fails is everyone's.
fn unread(address: &Address, error: FileError) -> Failure {
    match error {
        FileError::Missing | FileError::Denied | FileError::Taken | FileError::Odd(_) => {
            refusal("unreadable", error.to_string())
        }
        FileError::Store(_) => Failure::Run(Broken::File {
            place: address.to_string(),
            error,
        }),
    }
}

/// Where a name can't be had on this machine, that is its film's matter.
fn unwritten(place: &Address, error: FileError) -> Failure {
    match (place, error) {
        (Address::Local(_), FileError::Missing | FileError::Taken | FileError::Odd(_)) => refusal(
            "unnameable",
            "a file of the mask's name can't be made there".to_owned(),
        ),
        (_, error) => Failure::Run(Broken::File {
            place: place.to_string(),
            error,
        }),
    }
}

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

    #[test]
    fn a_reference_mask_is_called_as_its_film_or_as_a_mask_of_it() {
        let names = reference_names("x/a.dcm");
        assert_eq!(names[0], "x/a.dcm");
        for name in [
            "x/a.png",
            "x/a_mask.png",
            "x/a-mask.dcm",
            "x/a.dcm.png",
            "x/a.dcm.json",
            "x/a.dcm.dcm",
        ] {
            assert!(names.iter().any(|listed| listed == name), "{name}");
        }
        assert_eq!(reference_names("a")[..2], ["a", "a.png"]);
    }

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
            PipelineError::NotDicom,
            PipelineError::Broken,
            EngineError::Failed.into(),
        ] {
            assert!(matches!(unsegmented(bad), Failure::Film(_)));
        }
    }
}
