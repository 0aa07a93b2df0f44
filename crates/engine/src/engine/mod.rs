//! Decides when a film meets the model: one bounded queue, batches cut when a model thread is free.
//!
//! A caller hands in a plane and waits for its map. A segmenter is built, used and dropped on a plain thread of its
//! own, so it need be neither `Send` nor locked. What becomes of a failed batch: out of memory halves it once; an
//! ordinary failure runs each film alone once; a lost device or a panic ends the engine, and [`Health::Failed`] says
//! so.

mod batch;
mod queue;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::queue::{Queue, Reserved};
use crate::segmenter::Segmenter;
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// How jobs wait and how batches are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// The most films in one forward pass; the segmenter is warmed up for no more.
    pub max_batch_size: NonZeroUsize,
    /// How long a partial batch waits for mates while the device is free, counted from its oldest job's arrival.
    /// Zero never lets the device idle. A wait that would cost a job its deadline is not begun.
    pub max_queue_delay: Duration,
    /// The most places in the queue: jobs that wait, and those for which one was reserved. Jobs in the forward pass have none.
    pub queue_capacity: NonZeroUsize,
}

/// Why a film was not segmented, told apart by what its caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The queue is full: try again later.
    #[error("the queue is full")]
    Overloaded,
    /// The engine takes no new jobs because the service is about to end: try another server.
    #[error("the engine is draining")]
    Draining,
    /// The model thread is lost: this process will not answer again.
    #[error("the engine has stopped")]
    Stopped,
    /// The deadline passed before the map was there.
    #[error("the deadline has passed")]
    DeadlineExceeded,
    /// The device had no memory for this film, even in a smaller batch: try again later.
    #[error("the device is out of memory")]
    OutOfMemory,
    /// The forward pass failed, with its batch and alone: give up. The cause is in the log.
    #[error("the forward pass failed")]
    Failed,
}

impl EngineError {
    /// The stable word for it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
            Self::Stopped => "engine_stopped",
            Self::OutOfMemory => "out_of_memory",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Failed => "internal",
        }
    }
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError<E> {
    /// The segmenter could not be built.
    #[error("the segmenter could not be built")]
    Build(#[source] E),
    /// Building the segmenter panicked.
    #[error("building the segmenter panicked")]
    Panicked,
    /// The system gave no thread.
    #[error("the model thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// A film's probability map and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Segmented {
    /// The probabilities, on the grid of the input.
    pub map: ProbabilityMap,
    /// From the job's arrival to its batch being cut.
    pub queue: Duration,
    /// The forward pass of the batch; all passes where it needed more than one.
    pub infer: Duration,
    /// How many films were cut together, this one included.
    pub batch_size: usize,
}

/// Whether an engine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It takes jobs.
    Running,
    /// It takes no new jobs and answers those it has.
    Draining,
    /// The model thread is lost: the process should end with a non-zero code. This is final.
    Failed,
}

/// What an engine has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineCounts {
    /// Batches cut.
    pub batches: u64,
    /// Jobs cut into batches.
    pub jobs: u64,
    /// Jobs skipped because their caller had left; they cost no device time.
    pub departed: u64,
    /// Jobs skipped because their deadline had passed; they cost no device time.
    pub expired: u64,
}

/// Why a batch was cut when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It was as large as a batch can be.
    Full,
    /// The device was free, and there is no delay.
    DeviceFree,
    /// Its oldest job had waited for the whole delay, or could wait no longer.
    DelayOver,
    /// The engine was closing.
    Closing,
}

impl Cause {
    /// The cause in a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::DeviceFree => "device_free",
            Self::DelayOver => "delay_over",
            Self::Closing => "closing",
        }
    }
}

/// The batches that an engine has cut since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Batches by the number of their jobs.
    pub of_size: BTreeMap<usize, u64>,
    /// Batches by what cut them.
    pub by_cause: BTreeMap<Cause, u64>,
}

impl BatchCounts {
    fn count(&mut self, size: usize, cause: Cause) {
        *self.of_size.entry(size).or_default() += 1;
        *self.by_cause.entry(cause).or_default() += 1;
    }
}

/// Segments films on model threads. Share it by `Arc`.
///
/// Dropping it ends the model threads soon after, without waiting for them; [`Engine::drain`] waits.
#[derive(Debug)]
pub struct Engine {
    queue: Arc<Queue>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// Closes when every model thread has dropped its segmenter.
    ended: watch::Receiver<()>,
}

impl Engine {
    /// Starts a model thread for each of `builds`, which builds its segmenter there, and waits until all are built,
    /// however long it takes. Where one fails the others have ended, too, before that is returned.
    ///
    /// Blocks the calling thread: call it before the runtime serves anything, or from `spawn_blocking`.
    ///
    /// # Panics
    /// Without any build, since nobody would ever answer.
    pub fn start<S, E, F>(
        options: EngineOptions,
        builds: impl IntoIterator<Item = F>,
    ) -> Result<Self, StartError<E>>
    where
        S: Segmenter,
        E: Send + 'static,
        F: FnOnce() -> Result<S, E> + Send + 'static,
    {
        let (report, outcomes) = mpsc::channel();
        let (end, ended) = watch::channel(());
        let engine = Self {
            queue: Arc::new(Queue::new(options)),
            threads: Arc::default(),
            ended,
        };
        let mut starting = 0;
        for build in builds {
            let (queue, end, report) = (Arc::clone(&engine.queue), end.clone(), report.clone());
            let run = move || {
                let _end = end; // bound first, hence dropped last
                model_thread(&queue, build, report);
            };
            let thread = thread::Builder::new()
                .name("model".into())
                .spawn(run)
                .map_err(StartError::Thread)?;
            engine
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(thread);
            starting += 1;
        }
        assert!(starting > 0, "an engine has a model thread");
        drop((end, report)); // what is left of them is the threads' own: where all are gone, nobody will report
        let built = (0..starting).try_for_each(|_| match outcomes.recv() {
            Ok(built) => built.map_err(StartError::Build),
            Err(mpsc::RecvError) => Err(StartError::Panicked),
        });
        if built.is_err() {
            // The caller may end the process, which no thread that still computes would survive in order.
            engine.close();
            join(&engine.threads);
        }
        built.map(|()| engine)
    }

    /// Keeps a place in the queue for a film that is still to be read; refuses at once where there is none.
    ///
    /// Who has a place will not be refused for want of one, so no film is read in vain.
    pub fn reserve(&self) -> Result<Place, EngineError> {
        Ok(Place {
            reserved: self.queue.reserve()?,
            queue: Arc::clone(&self.queue),
        })
    }

    /// Whether a job that came now would find the queue full: for refusing a request before its body is read.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// How many jobs may wait.
    #[must_use]
    pub fn queue_capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// How many jobs wait now. Those of departed callers count until the next batch is cut or their place is needed.
    #[must_use]
    pub fn queue_depth(&self) -> usize {
        self.queue.depth()
    }

    /// Tells of every change of health. It closes with the engine.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.queue.watch_health()
    }

    /// What has been done so far.
    #[must_use]
    pub fn counts(&self) -> EngineCounts {
        self.queue.counts()
    }

    /// The batches cut so far.
    #[must_use]
    pub fn batches(&self) -> BatchCounts {
        self.queue.batches()
    }

    /// Refuses new jobs from now on, without waiting; what waits is still answered, without `max_queue_delay`.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Closes the engine and waits until all that waited is answered and the model threads have ended.
    ///
    /// It may be called again, and dropped half-way: the engine then drains on. Where the forward pass hangs, so does
    /// this; the caller brings the timeout.
    pub async fn drain(&self) {
        self.close();
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
        let threads = Arc::clone(&self.threads);
        // The threads have dropped their segmenters, so the join is short; but it may not hold up the runtime at all.
        let joined = tokio::task::spawn_blocking(move || join(&threads));
        let _ = joined.await; // cancelled only where the runtime itself ends
    }
}

/// A place in the queue of an engine. Dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    reserved: Reserved,
    queue: Arc<Queue>,
}

impl Place {
    /// Segments one film: waits in the queue, then for the forward pass of its batch, but never past `deadline`.
    ///
    /// A caller that drops the future leaves the queue: its job is skipped when the next batch is cut. A job that already
    /// runs when its deadline comes runs on, unheard. Needs a tokio runtime with its timer enabled.
    pub async fn segment(
        self,
        input: ModelInput,
        deadline: Instant,
    ) -> Result<Segmented, EngineError> {
        let answer = self.queue.push(self.reserved, input, deadline)?;
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_unanswered)) => Err(EngineError::Stopped),
            Err(_elapsed) => Err(EngineError::DeadlineExceeded),
        }
    }
}

fn join(threads: &Mutex<Vec<JoinHandle<()>>>) {
    let mut threads = threads.lock().unwrap_or_else(PoisonError::into_inner);
    for thread in threads.drain(..) {
        let _ = thread.join(); // how it ended is told by the health, or by what it reported
    }
}

/// The life of a model thread: it builds its segmenter, says how that went, and works until the queue ends.
fn model_thread<S: Segmenter, E>(
    queue: &Queue,
    build: impl FnOnce() -> Result<S, E>,
    report: mpsc::Sender<Result<(), E>>,
) {
    match build() {
        Ok(segmenter) => {
            let _ = report.send(Ok(())); // another thread may have failed, so that nobody listens any more
            drop(report);
            worker::work(queue, segmenter);
        }
        Err(error) => {
            let _ = report.send(Err(error));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}
