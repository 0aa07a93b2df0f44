//! Decides how the bytes of one film become its segmentation: the one way through that every front end takes.
//!
//! Decoding and encoding run on blocking threads, each with a permit that it holds until it is done, whatever becomes
//! of its caller; between the two, nothing but a plane of the model's side waits in the engine's queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::codec::reference::{ReferenceError, decode_reference};
use crate::codec::rle::Rle;
use crate::codec::{DecodeError, Limits, decode, overlay, png};
use crate::engine::{Engine, EngineError, Segmented};
use crate::geometry::{Geometry, ModelInput, Size};
use crate::lungs::{Lungs, Warning, warnings};
use crate::mask::{Mask, Threshold};
use crate::overlap::Overlap;
use crate::postprocess;
use crate::preprocess::Preprocessor;
use crate::radiograph::PixelSpacing;

/// A film to segment, as it came.
#[derive(Clone, Debug)]
pub struct Film {
    /// The bytes of the film's file.
    pub image: Bytes,
    /// The bytes of its reference mask's file, where there is one.
    pub reference: Option<Bytes>,
}

/// What a caller asks of a segmentation.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The probability from which on a pixel is lung; the model's own where it is `None`.
    pub threshold: Option<Threshold>,
    /// What the mask is written as.
    pub form: Form,
    /// When nobody waits for the answer any more.
    pub deadline: Instant,
}

/// What a mask is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// COCO's run-length encoding.
    Rle,
    /// An 8-bit grey PNG of 0 and 255.
    Png,
    /// The film with the mask in red and the outline of the reference mask in white, as an RGB PNG.
    Overlay,
}

/// A mask as it is sent, on the film's own grid.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// COCO's run-length encoding.
    Rle(Rle),
    /// The bytes of a PNG.
    Png(Vec<u8>),
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
    /// Decoding or encoding panicked: a defect, which the log names.
    #[error("decoding or encoding broke off")]
    Broken,
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
    warning: Option<Warning>,
}

/// What is left of a request once its film is with the model.
#[derive(Debug)]
struct Pending {
    geometry: Geometry,
    spacing: Option<PixelSpacing>,
    /// What is doubtful about the film itself.
    warning: Option<Warning>,
    threshold: Threshold,
    form: Form,
    limits: Limits,
    /// What is read once more: the reference mask, and the film where it is drawn. Their bytes are on the budget; their
    /// pixels would not be, so none are kept while the film waits for the model.
    files: Film,
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
        Self { engine, preprocessor, threshold, limits, permits: Arc::new(Semaphore::new(decode_permits)) }
    }

    /// The engine, for its health and its queue.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Segments one film, or says by the deadline why not.
    pub async fn segment(&self, film: Film, question: Question) -> Result<Segmentation, PipelineError> {
        let work = self.segment_in_time(film, question);
        tokio::time::timeout_at(question.deadline.into(), work)
            .await
            .unwrap_or(Err(PipelineError::DeadlineExceeded))
    }

    async fn segment_in_time(&self, film: Film, question: Question) -> Result<Segmentation, PipelineError> {
        let place = self.engine.reserve()?;
        let started = Instant::now();
        let files = Film {
            image: if question.form == Form::Overlay { film.image.clone() } else { Bytes::new() },
            reference: film.reference.clone(),
        };
        let (preprocessor, limits) = (self.preprocessor.clone(), self.limits);
        let span = tracing::info_span!("decode");
        let decoded = self.blocking(span, move || decoded(&film, &preprocessor, limits)).await??;
        let decode = started.elapsed();
        let segmented = place.segment(decoded.input, question.deadline).await?;
        let pending = Pending {
            geometry: decoded.geometry,
            spacing: decoded.spacing,
            warning: decoded.warning,
            threshold: question.threshold.unwrap_or(self.threshold),
            form: question.form,
            limits,
            files,
        };
        let started = Instant::now();
        let timings =
            Timings { decode, queue: segmented.queue, infer: segmented.infer, encode: Duration::ZERO };
        let span = tracing::info_span!("encode");
        let mut segmentation = self.blocking(span, move || pending.finish(&segmented)).await??;
        segmentation.timings = Timings { encode: started.elapsed(), ..timings };
        Ok(segmentation)
    }

    /// Runs work on a blocking thread. It can't be aborted, so the permit goes with it: what a departed caller left
    /// behind counts until it is done.
    async fn blocking<T: Send + 'static>(
        &self,
        span: tracing::Span,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PipelineError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("the permits are never closed");
        let work = move || {
            let _permit = permit;
            span.in_scope(work)
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            tracing::error!(error = %error, "decoding or encoding broke off");
            PipelineError::Broken
        })
    }
}

fn decoded(film: &Film, preprocessor: &Preprocessor, limits: Limits) -> Result<Decoded, PipelineError> {
    let radiograph = decode(&film.image, &limits)?;
    // Read now only to refuse a bad one before it has cost a forward pass.
    film.reference_mask(radiograph.size(), limits)?;
    let prepared = preprocessor.prepare(&radiograph);
    Ok(Decoded {
        input: prepared.input,
        geometry: prepared.geometry,
        spacing: radiograph.spacing(),
        warning: prepared.warning,
    })
}

impl Film {
    /// The reference mask of a film of this size, where there is one.
    fn reference_mask(&self, size: Size, limits: Limits) -> Result<Option<Mask>, ReferenceError> {
        let read = |bytes: &Bytes| decode_reference(bytes, size, &limits);
        self.reference.as_ref().map(read).transpose()
    }
}

impl Pending {
    fn finish(self, segmented: &Segmented) -> Result<Segmentation, PipelineError> {
        let mask = postprocess::restore(&segmented.map, &self.geometry, self.threshold);
        let lungs = Lungs::of(&mask);
        let warnings = warnings(&lungs, &segmented.map, self.warning);
        let reference = self.files.reference_mask(mask.size(), self.limits)?;
        let overlap = reference.as_ref().map(|reference| {
            Overlap::of(&mask, reference).expect("the reference mask was checked to have the film's size")
        });
        Ok(Segmentation {
            mask: self.write(&mask, reference.as_ref())?,
            size: mask.size(),
            lungs,
            spacing: self.spacing,
            threshold: self.threshold,
            overlap,
            warnings,
            timings: Timings::default(),
        })
    }

    fn write(&self, mask: &Mask, reference: Option<&Mask>) -> Result<Written, PipelineError> {
        Ok(match self.form {
            Form::Rle => Written::Rle(Rle::of(mask)),
            Form::Png => Written::Png(png::encode_mask(mask)),
            Form::Overlay => {
                // Decoded again: keeping the pixels of every film in the queue would cost more than the time.
                let film = decode(&self.files.image, &self.limits)?;
                let drawn = overlay::draw(&film, mask, reference);
                Written::Png(drawn.expect("film, mask and reference mask have one size"))
            }
        })
    }
}
