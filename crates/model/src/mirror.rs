//! Segments the mirror image of a film on a thread of its own, while the model thread segments the film.
//!
//! Two passes side by side, each on half of the cores, take less time than two passes one after the other on all cores,
//! because twice the threads do not make a pass twice as fast. Where several films are segmented at a time, each has its
//! share of the cores already, and its model thread segments the mirror image itself.

use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::sync::{Mutex, TryLockError};
use std::thread::{self, JoinHandle};

use crate::device::set_threads;
use crate::failure::segment_error;
use crate::network::Plan;
use lungfield_engine::segmenter::SegmentError;
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// A thread that segments mirror images, for one model thread at a time.
#[derive(Debug)]
pub(crate) struct MirrorWorker {
    /// Locked by the model thread whose film is mirrored. `None` once the worker is dropped.
    jobs: Mutex<Option<mpsc::Sender<MirrorJob>>>,
    thread: Option<JoinHandle<()>>,
}

/// A plane to segment.
#[derive(Debug)]
struct MirrorJob {
    plane: ModelInput,
    /// The number of threads for the pass.
    threads: NonZeroUsize,
    reply: mpsc::Sender<Result<ProbabilityMap, SegmentError>>,
}

impl MirrorWorker {
    /// Starts the thread.
    ///
    /// # Errors
    /// Returns an error where the system starts no thread.
    pub(crate) fn start(plan: Plan) -> Result<Self, std::io::Error> {
        let (jobs, received) = mpsc::channel();
        let run = move || run(&plan, &received);
        let thread = thread::Builder::new().name("mirror".into()).spawn(run)?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Some(thread),
        })
    }

    /// Segments a film and its mirror image side by side, each on `threads` threads, and returns the mean of the two maps.
    /// Returns `None` where the worker is busy.
    pub(crate) fn averaged(
        &self,
        plan: &Plan,
        film: &ModelInput,
        threads: NonZeroUsize,
    ) -> Option<Result<ProbabilityMap, SegmentError>> {
        let jobs = match self.jobs.try_lock() {
            Ok(jobs) => jobs,
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Poisoned(jobs)) => jobs.into_inner(),
        };
        let (reply, mirrored) = mpsc::channel();
        // Where the thread has ended, the job and its `reply` are dropped, and `recv` fails below.
        let _ = jobs.as_ref()?.send(MirrorJob {
            plane: film.mirrored(),
            threads,
            reply,
        });
        set_threads(threads);
        let straight = plan
            .segment_unmirrored(film)
            .map_err(|error| segment_error(&error));
        let lost = |_| SegmentError::Fatal("the thread of mirror images has ended".to_owned());
        let mirrored = mirrored.recv().map_err(lost).flatten();
        Some(straight.and_then(|straight| Ok(straight.averaged(&mirrored?.mirrored()))))
    }
}

impl Drop for MirrorWorker {
    fn drop(&mut self) {
        *self
            .jobs
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there is an error of the film that waited for it
        }
    }
}

fn run(plan: &Plan, jobs: &mpsc::Receiver<MirrorJob>) {
    let _no_grad = tch::no_grad_guard();
    for job in jobs {
        set_threads(job.threads);
        let map = plan
            .segment_unmirrored(&job.plane)
            .map_err(|error| segment_error(&error));
        let _ = job.reply.send(map); // the model thread may have unwound
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use tch::nn::VarStore;
    use tch::{Device, Kind};

    use super::*;
    use crate::network::Network;
    use crate::network::segnet::randomise;

    fn plan() -> Plan {
        tch::manual_seed(11);
        let network = Network::SegNet {
            width: NonZeroU16::new(3).unwrap(),
        };
        let store = VarStore::new(Device::Cpu);
        let _modules = network.modules(&store.root(), Kind::Float);
        randomise(&store);
        let _guard = tch::no_grad_guard();
        network
            .plan(&store.variables(), Device::Cpu, Kind::Float)
            .unwrap()
            .flip_averaging(true)
    }

    fn film() -> ModelInput {
        ModelInput::new(
            64,
            (0..64 * 64)
                .map(|place| (place % 53) as f32 / 26.0 - 1.0)
                .collect(),
        )
        .unwrap()
    }

    #[test]
    fn two_threads_give_what_one_gives() {
        let (plan, film) = (plan(), film());
        let worker = MirrorWorker::start(plan.share()).unwrap();
        let _guard = tch::no_grad_guard();
        let alone = plan.segment(&[&film]).unwrap().remove(0);
        assert_eq!(
            worker
                .averaged(&plan, &film, NonZeroUsize::MIN)
                .unwrap()
                .unwrap(),
            alone
        );
        assert!(
            alone
                .values()
                .iter()
                .any(|value| value.to_bits() != alone.values()[0].to_bits())
        );
    }

    #[test]
    fn a_busy_worker_is_not_waited_for() {
        let (plan, film) = (plan(), film());
        let worker = MirrorWorker::start(plan.share()).unwrap();
        let _busy = worker.jobs.lock().unwrap();
        assert!(worker.averaged(&plan, &film, NonZeroUsize::MIN).is_none());
    }

    #[test]
    fn a_worker_that_has_ended_is_a_fatal_error() {
        let (plan, film) = (plan(), film());
        let (jobs, received) = mpsc::channel();
        drop(received);
        let worker = MirrorWorker {
            jobs: Mutex::new(Some(jobs)),
            thread: None,
        };
        let lost = worker.averaged(&plan, &film, NonZeroUsize::MIN).unwrap();
        assert!(matches!(lost, Err(SegmentError::Fatal(_))));
    }
}
