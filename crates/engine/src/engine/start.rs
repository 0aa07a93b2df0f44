//! Starts the model threads of an engine.

use std::io;
use std::sync::{Arc, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use tokio::sync::watch;

use super::queue::Queue;
use super::{Engine, EngineOptions, StartError, join, worker};
use crate::segmenter::Segmenter;

/// The outcome of building one segmenter.
type Built<E> = Result<(), E>;

impl Engine {
    /// Starts a model thread for each item of `builds`, and waits until each has built its segmenter, however long that
    /// takes. A segmenter is built on its model thread.
    ///
    /// Blocks the calling thread: call it before the runtime serves anything, or in `spawn_blocking`.
    ///
    /// # Errors
    /// Returns the first [`StartError`]. All model threads have ended by then.
    ///
    /// # Panics
    /// Panics where `builds` is empty, because nothing would ever empty the queue.
    pub fn start<S, E, F>(
        options: EngineOptions,
        builds: impl IntoIterator<Item = F>,
    ) -> Result<Self, StartError<E>>
    where
        S: Segmenter,
        E: Send + 'static,
        F: FnOnce() -> Result<S, E> + Send + 'static,
    {
        let (report, reports) = mpsc::channel();
        let (end, ended) = watch::channel(());
        let engine = Self {
            queue: Arc::new(Queue::new(options)),
            threads: Arc::default(),
            ended,
        };
        let started = engine.start_threads(builds, &report, &end);
        drop((end, report)); // only the threads have clones now: when all threads are gone, the channels close
        let built = started
            .map_err(StartError::Thread)
            .and_then(|threads| wait_until_built(&reports, threads));
        if built.is_err() {
            // The caller may end the process, and no thread that still computes would survive that in order.
            engine.close();
            join(&engine.threads);
        }
        built.map(|()| engine)
    }

    /// Starts the threads and returns their number.
    fn start_threads<S, E, F>(
        &self,
        builds: impl IntoIterator<Item = F>,
        report: &mpsc::Sender<Built<E>>,
        end: &watch::Sender<()>,
    ) -> io::Result<usize>
    where
        S: Segmenter,
        E: Send + 'static,
        F: FnOnce() -> Result<S, E> + Send + 'static,
    {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for build in builds {
            let (queue, report, end) = (Arc::clone(&self.queue), report.clone(), end.clone());
            let run = move || {
                let _end = end; // bound first, hence dropped last
                model_thread(&queue, build, report);
            };
            threads.push(spawn(run)?);
        }
        assert!(!threads.is_empty(), "an engine has a model thread");
        Ok(threads.len())
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("model".into()).spawn(run)
}

/// Waits for the reports of `threads` threads, and returns the first error among them.
fn wait_until_built<E>(
    reports: &mpsc::Receiver<Built<E>>,
    threads: usize,
) -> Result<(), StartError<E>> {
    (0..threads).try_for_each(|_| match reports.recv() {
        Ok(built) => built.map_err(StartError::Build),
        Err(mpsc::RecvError) => Err(StartError::Panicked),
    })
}

/// Runs a model thread: builds its segmenter, reports the outcome, and works until the queue ends.
fn model_thread<S: Segmenter, E>(
    queue: &Queue,
    build: impl FnOnce() -> Result<S, E>,
    report: mpsc::Sender<Built<E>>,
) {
    match build() {
        Ok(segmenter) => {
            let _ = report.send(Ok(())); // nobody receives it where another thread has failed
            drop(report);
            worker::work(queue, segmenter);
        }
        Err(error) => {
            let _ = report.send(Err(error));
        }
    }
}
