//! The engine: one bounded queue, from which model threads take batches whenever they are free.
//!
//! A failed batch has one of three outcomes. Out of memory: the batch is halved once. An ordinary failure: each film runs
//! alone once. A lost device or a panic: the engine ends, and [`Health::Failed`] reports it.

mod batching;
mod counts;
mod error;
mod options;
mod queue;
mod start;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use self::counts::{BatchCause, BatchCounts, EngineCounts};
pub use self::error::{EngineError, StartError};
pub use self::options::EngineOptions;
use self::queue::{Queue, QueuePermit};
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// The probability map of a film, and how long it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Segmented {
    /// The probabilities, on the grid of the input.
    pub map: ProbabilityMap,
    /// The time from the film's arrival in the queue until its batch was cut.
    pub queue: Duration,
    /// The time of the batch's forward pass; of all its passes where it needed more than one.
    pub infer: Duration,
    /// The number of films in the batch, this one included.
    pub batch_size: usize,
}

/// The state of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The engine takes films.
    Running,
    /// The engine takes no new films, and segments those that it has.
    Draining,
    /// A model thread is lost, and the process should end with a non-zero exit code. This state is final.
    Failed,
}

/// An engine that segments films on model threads. Share it in an `Arc`.
///
/// Dropping an engine ends its model threads soon after, without waiting for them. [`Engine::drain`] waits.
///
/// # Examples
/// Two model threads that share one queue, and a drain that waits for both:
///
/// ```
/// use std::convert::Infallible;
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
///
/// use lungfield_engine::fake::{Behaviour, FakeSegmenter};
/// use lungfield_engine::{Engine, EngineError, EngineOptions, Health};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let options = EngineOptions {
///     max_batch_size: NonZeroUsize::MIN,
///     max_queue_delay: Duration::ZERO,
///     queue_capacity: NonZeroUsize::MIN,
/// };
/// let build = || Ok::<_, Infallible>(FakeSegmenter::new(Behaviour::Echo));
/// let engine = Engine::start(options, [build, build])?;
/// let health = engine.health();
/// assert_eq!(*health.borrow(), Health::Running);
///
/// engine.drain().await;
/// assert_eq!(*health.borrow(), Health::Draining);
/// assert_eq!(engine.reserve().unwrap_err(), EngineError::Draining);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Engine {
    queue: Arc<Queue>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// Closes when every model thread has dropped its segmenter.
    ended: watch::Receiver<()>,
}

impl Engine {
    /// Reserves a place in the queue for a film that is still to be decoded. Does not wait.
    ///
    /// The queue never turns away the holder of a place, so no film is decoded in vain.
    ///
    /// # Errors
    /// Returns [`EngineError::Overloaded`] where the queue has no free place, and [`EngineError::Draining`] or
    /// [`EngineError::Stopped`] where the engine takes no films any more.
    pub fn reserve(&self) -> Result<Place, EngineError> {
        Ok(Place {
            permit: self.queue.reserve()?,
            queue: Arc::clone(&self.queue),
        })
    }

    /// Returns whether the queue has no free place. A service can refuse a request with it before it reads the body.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Returns the number of places in the queue.
    #[must_use]
    pub fn queue_capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// Returns the number of films that wait now. A film whose caller has left counts until the next batch is cut or its
    /// place is needed.
    #[must_use]
    pub fn queue_depth(&self) -> usize {
        self.queue.depth()
    }

    /// Returns a receiver that sees every change of the engine's state. Its channel closes when the engine is gone.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.queue.watch_health()
    }

    /// Returns how many films were segmented or skipped so far.
    #[must_use]
    pub fn counts(&self) -> EngineCounts {
        self.queue.counts()
    }

    /// Returns how many batches were cut so far, by size and by cause.
    #[must_use]
    pub fn batches(&self) -> BatchCounts {
        self.queue.batches()
    }

    /// Stops taking new films, without waiting. Films that wait are still segmented, without `max_queue_delay`.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Closes the engine, and waits until every film has its reply and the model threads have ended.
    ///
    /// It can be called again. A call that is dropped half-way does not stop the drain. It takes as long as the forward
    /// passes do: a caller that needs a time limit wraps it in a timeout.
    pub async fn drain(&self) {
        self.close();
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
        let threads = Arc::clone(&self.threads);
        // The threads have dropped their segmenters, so the join is short. It still must not block the runtime.
        let joined = tokio::task::spawn_blocking(move || join(&threads));
        let _ = joined.await; // cancelled only where the runtime itself ends
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

/// A place in the queue of an engine, from [`Engine::reserve`]. Dropping it frees the place.
#[derive(Debug)]
pub struct Place {
    permit: QueuePermit,
    queue: Arc<Queue>,
}

impl Place {
    /// Segments one film: waits in the queue, then for the forward pass of its batch, but never past `deadline`.
    ///
    /// A caller that drops the future leaves the queue, and its film is skipped when the next batch is cut. A film whose
    /// forward pass has begun at its deadline runs to the end, and its map is dropped. Needs a tokio runtime with a timer.
    ///
    /// # Errors
    /// Returns [`EngineError::DeadlineExceeded`] at the deadline, and every other [`EngineError`] but
    /// [`EngineError::Overloaded`].
    pub async fn segment(
        self,
        input: ModelInput,
        deadline: Instant,
    ) -> Result<Segmented, EngineError> {
        let reply = self.queue.push(self.permit, input, deadline)?;
        match tokio::time::timeout_at(deadline.into(), reply).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_no_reply)) => Err(EngineError::Stopped),
            Err(_elapsed) => Err(EngineError::DeadlineExceeded),
        }
    }
}

fn join(threads: &Mutex<Vec<JoinHandle<()>>>) {
    let mut threads = threads.lock().unwrap_or_else(PoisonError::into_inner);
    for thread in threads.drain(..) {
        let _ = thread.join(); // how it ended is in the engine's state, or in what it reported
    }
}
