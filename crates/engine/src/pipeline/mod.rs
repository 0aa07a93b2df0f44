//! Decides how the bytes of one film become its segmentation: the one way through that every front end takes.
//!
//! Decoding and encoding run on blocking threads, each with a permit that it holds until it is done, whatever becomes
//! of its caller; between the two, nothing but a plane of the model's side waits in the engine's queue.

mod film;
mod finish;
mod form;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Semaphore;

pub use self::film::{Film, Image, Samples};
use self::finish::{MAX_ECHOED_RUNS, Pending};
pub use self::form::{Form, Written};
use crate::engine::{Engine, EngineError};
use lungfield_codec::dicom::Origin;
use lungfield_codec::reference::ReferenceError;
use lungfield_codec::{DecodeError, Limits, display};
use lungfield_radiograph::geometry::{Geometry, ModelInput, Size};
use lungfield_radiograph::lungs::{Lungs, Warning};
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::preprocess::Preprocessor;
use lungfield_radiograph::radiograph::PixelSpacing;

/// What a caller asks of a segmentation.
#[derive(Clone, Debug)]
pub struct Question {
    /// The probability from which on a pixel is lung; the model's own where it is `None`.
    pub threshold: Option<Threshold>,
    /// What the mask is written as.
    pub form: Form,
    /// When nobody waits for the answer any more.
    pub deadline: Instant,
}

/// A film's segmentation.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// The mask, in the form that was asked for.
    pub mask: Written,
    /// The film's size.
    pub size: Size,
    /// The lungs of the mask.
    pub lungs: Lungs,
    /// The film's pixel spacing, where its file states it.
    pub spacing: Option<PixelSpacing>,
    /// The probability that was cut at.
    pub threshold: Threshold,
    /// How the mask agrees with the reference mask, where one came.
    pub overlap: Option<Overlap>,
    /// What makes the mask doubtful.
    pub warnings: Vec<Warning>,
    /// How long each step took.
    pub timings: Timings,
}

/// A film to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// An 8-bit grey PNG of the film's size.
    pub png: Vec<u8>,
    /// How long decoding and writing took, waiting for a permit included.
    pub decode: Duration,
}

/// How long each step of a segmentation took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Decoding and preparing, waiting for a permit included.
    pub decode: Duration,
    /// Waiting for the model.
    pub queue: Duration,
    /// The forward pass.
    pub infer: Duration,
    /// Restoring and writing, waiting for a permit included.
    pub encode: Duration,
}

impl Timings {
    /// What two films took together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            decode: self.decode + other.decode,
            queue: self.queue + other.queue,
            infer: self.infer + other.infer,
            encode: self.encode + other.encode,
        }
    }
}

/// Why a film was not segmented.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The film is unreadable: send another.
    #[error(transparent)]
    Film(#[from] DecodeError),
    /// The reference mask is unreadable or of another film: send another.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The engine did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The deadline passed outside of the engine.
    #[error("the deadline has passed")]
    DeadlineExceeded,
    /// The reference mask was to be given back, and has more runs than anything that was drawn.
    #[error(
        "the reference mask has more than {MAX_ECHOED_RUNS} runs; ask without having it given back"
    )]
    ReferenceTooFine,
    /// A DICOM object was asked for about a film that came as something else, and so has neither patient nor study.
    #[error("the film is no DICOM object, and an object about it needs its patient and its study")]
    NotDicom,
    /// A segmentation was asked for of a film without lung.
    #[error("no lung was found, and a segmentation object needs one")]
    NothingToWrite,
    /// Decoding or encoding panicked: a defect, which the log names.
    #[error("decoding or encoding broke off")]
    Broken,
}

impl PipelineError {
    /// The stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Film(error) => error.code(),
            Self::Reference(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::DeadlineExceeded => EngineError::DeadlineExceeded.code(),
            Self::ReferenceTooFine => "reference_too_fine",
            Self::NotDicom => "source_not_dicom",
            Self::NothingToWrite => "nothing_to_segment",
            Self::Broken => "internal",
        }
    }
}

/// Segments films with one model.
#[derive(Debug)]
pub struct Pipeline {
    engine: Engine,
    preprocessor: Preprocessor,
    threshold: Threshold,
    limits: Limits,
    permits: Arc<Semaphore>,
}

/// A film that was decoded, without its pixels.
#[derive(Debug)]
struct Decoded {
    input: ModelInput,
    geometry: Geometry,
    spacing: Option<PixelSpacing>,
    /// What is doubtful about the film itself.
    warnings: Vec<Warning>,
    /// What it came as, where something is to be written about that.
    origin: Option<Origin>,
}

impl Pipeline {
    /// A pipeline to a running engine. At most `decode_permits` films are decoded or encoded at a time.
    #[must_use]
    pub fn new(
        engine: Engine,
        preprocessor: Preprocessor,
        threshold: Threshold,
        limits: Limits,
        decode_permits: usize,
    ) -> Self {
        Self {
            engine,
            preprocessor,
            threshold,
            limits,
            permits: Arc::new(Semaphore::new(decode_permits)),
        }
    }

    /// The engine, for its health and its queue.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Segments one film, or says by the deadline why not.
    pub async fn segment(
        &self,
        film: Film,
        question: Question,
    ) -> Result<Segmentation, PipelineError> {
        let answered = self.segment_and(film, question, |_| ()).await;
        answered.map(|(segmentation, ())| segmentation)
    }

    /// The same, and what is made of the segmentation on the thread that wrote its mask, under the same permit: an answer that is larger
    /// than its mask must not wait for a second one.
    pub async fn segment_and<T: Send + 'static>(
        &self,
        film: Film,
        question: Question,
        make: impl FnOnce(&Segmentation) -> T + Send + 'static,
    ) -> Result<(Segmentation, T), PipelineError> {
        let deadline = question.deadline.into();
        let work = self.segment_in_time(film, question, make);
        tokio::time::timeout_at(deadline, work)
            .await
            .unwrap_or(Err(PipelineError::DeadlineExceeded))
    }

    async fn segment_in_time<T: Send + 'static>(
        &self,
        film: Film,
        question: Question,
        make: impl FnOnce(&Segmentation) -> T + Send + 'static,
    ) -> Result<(Segmentation, T), PipelineError> {
        let place = self.engine.reserve()?;
        let started = Instant::now();
        let files = Film {
            image: if question.form.shows_film() {
                film.image.clone()
            } else {
                Bytes::new().into()
            },
            reference: film.reference.clone(),
        };
        let (preprocessor, limits) = (self.preprocessor.clone(), self.limits);
        let span = tracing::info_span!("decode");
        let with_origin = matches!(question.form, Form::Dicom(_));
        let work = move || decoded(&film, &preprocessor, limits, with_origin);
        let decoded = self.blocking(span, work).await??;
        let decode = started.elapsed();
        let segmented = place.segment(decoded.input, question.deadline).await?;
        let pending = Pending {
            geometry: decoded.geometry,
            spacing: decoded.spacing,
            warnings: decoded.warnings,
            origin: decoded.origin,
            threshold: question.threshold.unwrap_or(self.threshold),
            form: question.form,
            limits,
            files,
        };
        let started = Instant::now();
        let timings = Timings {
            decode,
            queue: segmented.queue,
            infer: segmented.infer,
            encode: Duration::ZERO,
        };
        let span = tracing::info_span!("encode");
        let finish = move || {
            let segmentation = pending.finish(&segmented)?;
            let made = make(&segmentation);
            Ok::<_, PipelineError>((segmentation, made))
        };
        let (mut segmentation, made) = self.blocking(span, finish).await??;
        segmentation.timings = Timings {
            encode: started.elapsed(),
            ..timings
        };
        Ok((segmentation, made))
    }

    /// Decodes one film and writes it as a picture, or says by the deadline why not. The model has no part in it, and yet it takes a place
    /// in the queue meanwhile: whoever asks for pictures is turned away where films are, and waits for as many others at most.
    pub async fn picture(&self, film: Film, deadline: Instant) -> Result<Picture, PipelineError> {
        let _place = self.engine.reserve()?;
        let started = Instant::now();
        let limits = self.limits;
        let work = move || film.image.decode(limits).map(|film| display::draw(&film));
        let work = self.blocking(tracing::info_span!("picture"), work);
        let work = tokio::time::timeout_at(deadline.into(), work);
        let png = work
            .await
            .unwrap_or(Err(PipelineError::DeadlineExceeded))??;
        Ok(Picture {
            png,
            decode: started.elapsed(),
        })
    }

    /// Runs work on a blocking thread. It can't be aborted, so the permit goes with it: what a departed caller left
    /// behind counts until it is done.
    pub async fn blocking<T: Send + 'static>(
        &self,
        span: tracing::Span,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PipelineError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .expect("the permits are never closed");
        let work = move || {
            let _permit = permit;
            span.in_scope(work)
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            // Not what was said: it may quote what somebody sent.
            tracing::error!(
                panicked = error.is_panic(),
                "decoding or encoding broke off"
            );
            PipelineError::Broken
        })
    }
}

fn decoded(
    film: &Film,
    preprocessor: &Preprocessor,
    limits: Limits,
    with_origin: bool,
) -> Result<Decoded, PipelineError> {
    // Read first, and only where it is needed: a film that can't be answered costs nothing.
    let origin = with_origin.then(|| film.origin(limits)).transpose()?;
    let radiograph = film.image.decode(limits)?;
    // Read now only to refuse a bad one before it has cost a forward pass.
    film.reference_mask(radiograph.size(), limits)?;
    let prepared = preprocessor.prepare(&radiograph);
    Ok(Decoded {
        input: prepared.input,
        geometry: prepared.geometry,
        spacing: radiograph.spacing(),
        warnings: prepared.warnings,
        origin,
    })
}
