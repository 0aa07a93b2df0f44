//! Turns the bytes of one film into its result: every caller, whatever its protocol, goes this way.
//!
//! Decoding and encoding run on blocking threads. Each holds a permit until it is done, whatever becomes of its caller. Between the two
//! only a plane of the model's size waits in the engine's queue.

mod encode;
mod error;
mod film;
mod result;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use self::encode::EncodeTask;
pub use self::error::PipelineError;
pub use self::film::Film;
use self::film::decode_reference;
pub use self::result::{Completed, Rendered, Segmentation, Timings};
use crate::engine::{Engine, Place};
use lungfield_codec::Limits;
use lungfield_codec::rendering::{Encoded, Encoder, Rendering, SegmentedFilm};
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::preprocess::Preprocessor;

/// The options of a segmentation.
#[derive(Clone, Copy, Debug)]
pub struct SegmentOptions {
    /// The probability from which on a pixel is lung; `None` for the model's own.
    pub threshold: Option<Threshold>,
    /// When the caller stops waiting.
    pub deadline: Instant,
}

impl SegmentOptions {
    /// Creates options with the model's own threshold.
    #[must_use]
    pub fn by(deadline: Instant) -> Self {
        Self {
            threshold: None,
            deadline,
        }
    }
}

/// A pipeline of decoding, one model, and encoding.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::num::NonZeroUsize;
/// use std::time::{Duration, Instant};
///
/// use lungfield_codec::rendering::Rendering;
/// use lungfield_codec::{Image, Limits, png};
/// use lungfield_engine::fake::{Behaviour, FakeSegmenter};
/// use lungfield_engine::pipeline::{Pipeline, SegmentOptions};
/// use lungfield_engine::{Engine, EngineOptions};
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::mask::Threshold;
/// use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
/// use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
///
/// let options = EngineOptions {
///     max_batch_size: NonZeroUsize::MIN,
///     max_queue_delay: Duration::ZERO,
///     queue_capacity: NonZeroUsize::new(8).unwrap(),
/// };
/// let build = || Ok::<_, std::io::Error>(FakeSegmenter::new(Behaviour::Echo));
/// let pipeline = Pipeline::new(
///     Engine::start(options, [build])?,
///     Preprocessor::new(PreprocessOptions::default())?,
///     Threshold::HALF,
///     Limits::default(),
///     2,
/// );
///
/// let size = Size::square(128).unwrap();
/// let phantom = Phantom::draw(&PhantomOptions { seed: 1, size, depth: Depth::Eight });
/// let film = Image::File(png::encode_radiograph(&phantom.film).into());
/// let options = SegmentOptions::by(Instant::now() + Duration::from_secs(30));
/// let rendered = pipeline.render(film.into(), Rendering::Png, options).await?;
///
/// let file = rendered.encoded.into_file();
/// assert_eq!(file.media_type, "image/png");
/// assert_eq!(rendered.segmentation.unwrap().size, size);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pipeline {
    engine: Engine,
    preprocessor: Preprocessor,
    threshold: Threshold,
    limits: Limits,
    permits: Arc<Semaphore>,
}

/// A film that is decoded and preprocessed.
#[derive(Debug)]
struct Prepared {
    input: ModelInput,
    task: EncodeTask,
}

/// A film that is ready for the model, with its place in the queue.
#[derive(Debug)]
struct Ready {
    place: Place,
    prepared: Prepared,
    /// How long decoding and preprocessing took.
    decode: Duration,
}

/// What is done with a film after it is decoded.
enum Step<E> {
    /// Nothing: the rendering shows the film alone.
    Finished(Encoded),
    /// The model is asked, and its result goes to this encoder.
    Segment(Prepared, E),
}

impl Pipeline {
    /// Creates a pipeline on a running engine. At most `decode_permits` films are decoded or encoded at a time.
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

    /// Returns the engine, for its health and its queue.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Writes the result of one film as `rendering`, or fails by the deadline.
    ///
    /// A rendering of the film alone does not ask the model. It takes a place in the queue all the same, so that such requests are
    /// refused where others are, and wait for no more films than they do.
    pub async fn render(
        &self,
        film: Film,
        rendering: Rendering,
        options: SegmentOptions,
    ) -> Result<Rendered, PipelineError> {
        by(options.deadline, async {
            let place = self.engine.reserve()?;
            let (preprocessor, limits) = (self.preprocessor.clone(), self.limits);
            let decode = move || {
                Ok(match rendering.encoder(&film.image, limits)? {
                    Encoder::Film(encode) => Step::Finished(encode(&film.image.decode(limits)?)),
                    Encoder::Mask(encode) => {
                        Step::Segment(prepare(&film, &preprocessor, limits)?, encode)
                    }
                })
            };
            let (step, decode) = self.decode(decode).await?;
            match step {
                Step::Finished(encoded) => Ok(Rendered::film(encoded, decode)),
                Step::Segment(prepared, encode) => {
                    let ready = Ready {
                        place,
                        prepared,
                        decode,
                    };
                    let encode = |result: &SegmentedFilm<'_>| Ok(encode(result)?);
                    self.complete(ready, options, encode).await.map(Into::into)
                }
            }
        })
        .await
    }

    /// Segments one film and makes something of the result, or fails by the deadline.
    ///
    /// `make` runs on the blocking thread that restored the mask, under the same permit.
    pub async fn segment<T: Send + 'static>(
        &self,
        film: Film,
        options: SegmentOptions,
        make: impl FnOnce(&SegmentedFilm<'_>) -> T + Send + 'static,
    ) -> Result<Completed<T>, PipelineError> {
        by(options.deadline, async {
            let place = self.engine.reserve()?;
            let (preprocessor, limits) = (self.preprocessor.clone(), self.limits);
            let decode = move || prepare(&film, &preprocessor, limits);
            let (prepared, decode) = self.decode(decode).await?;
            let ready = Ready {
                place,
                prepared,
                decode,
            };
            let make = |result: &SegmentedFilm<'_>| Ok(make(result));
            self.complete(ready, options, make).await
        })
        .await
    }

    /// Runs the first step of a film and measures how long it took.
    async fn decode<T: Send + 'static>(
        &self,
        decode: impl FnOnce() -> Result<T, PipelineError> + Send + 'static,
    ) -> Result<(T, Duration), PipelineError> {
        let started = Instant::now();
        let decoded = self
            .blocking(tracing::info_span!("decode"), decode)
            .await??;
        Ok((decoded, started.elapsed()))
    }

    /// Sends a film to the model and encodes its result.
    async fn complete<T: Send + 'static>(
        &self,
        ready: Ready,
        options: SegmentOptions,
        encode: impl FnOnce(&SegmentedFilm<'_>) -> Result<T, PipelineError> + Send + 'static,
    ) -> Result<Completed<T>, PipelineError> {
        let Prepared { input, task } = ready.prepared;
        let pass = ready.place.segment(input, options.deadline).await?;
        let (queue, infer) = (pass.queue, pass.infer);
        let threshold = options.threshold.unwrap_or(self.threshold);
        let started = Instant::now();
        let work = move || task.run(&pass.map, threshold, encode);
        let (segmentation, output) = self.blocking(tracing::info_span!("encode"), work).await??;
        Ok(Completed {
            segmentation,
            output,
            timings: Timings {
                decode: ready.decode,
                queue,
                infer,
                encode: started.elapsed(),
            },
        })
    }

    /// Runs work on a blocking thread, under a permit.
    ///
    /// Such work can't be aborted, so the permit moves into it: work whose caller has left counts until it is done.
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
            // The panic's own message is not logged: it may quote what a caller sent.
            tracing::error!(
                panicked = error.is_panic(),
                "decoding or encoding broke off"
            );
            PipelineError::Broken
        })
    }
}

/// Runs work until the deadline.
async fn by<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, PipelineError>>,
) -> Result<T, PipelineError> {
    tokio::time::timeout_at(deadline.into(), work)
        .await
        .unwrap_or(Err(PipelineError::DeadlineExceeded))
}

/// Decodes and preprocesses a film, and checks its reference mask before the film costs a forward pass.
fn prepare(
    film: &Film,
    preprocessor: &Preprocessor,
    limits: Limits,
) -> Result<Prepared, PipelineError> {
    let radiograph = film.image.decode(limits)?;
    decode_reference(film.reference.as_ref(), radiograph.size(), limits)?;
    let prepared = preprocessor.prepare(&radiograph);
    Ok(Prepared {
        input: prepared.input,
        task: EncodeTask {
            geometry: prepared.geometry,
            spacing: radiograph.spacing(),
            warnings: prepared.warnings,
            reference: film.reference.clone(),
            limits,
        },
    })
}
