//! Decides where the mirror image of a film that is alone is segmented: on a thread of its own, beside the film itself.
//!
//! Two passes on half of the cores each take less time than one after the other on all of them, since a pass does not speed up in
//! step with its threads. Where several films are under way, each has its part of the cores already.

use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::sync::{Mutex, TryLockError};
use std::thread::{self, JoinHandle};

use super::device::set_threads;
use super::torch::classify;
use crate::network::plan::Plan;
use lungfield_engine::segmenter::SegmentError;
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// A thread that segments mirror images, for whichever model thread asks first.
#[derive(Debug)]
pub struct Twin {
    /// Locked by the model thread whose film is mirrored. `None` once it is taken down.
    errands: Mutex<Option<mpsc::Sender<Errand>>>,
    thread: Option<JoinHandle<()>>,
}

/// A plane, on how many threads, and where its map goes.
#[derive(Debug)]
struct Errand {
    plane: ModelInput,
    threads: NonZeroUsize,
    reply: mpsc::Sender<Result<ProbabilityMap, SegmentError>>,
}

impl Twin {
    /// Starts the thread. Fails where the system gives none.
    pub fn start(plan: Plan) -> Result<Self, std::io::Error> {
        let (errands, received) = mpsc::channel();
        let run = move || run(&plan, &received);
        let thread = thread::Builder::new().name("twin".into()).spawn(run)?;
        Ok(Self {
            errands: Mutex::new(Some(errands)),
            thread: Some(thread),
        })
    }

    /// The map of a film that is averaged with its mirror image, each segmented on `threads`; `None` where the twin is busy.
    pub(super) fn averaged(
        &self,
        plan: &Plan,
        film: &ModelInput,
        threads: NonZeroUsize,
    ) -> Option<Result<ProbabilityMap, SegmentError>> {
        let errands = match self.errands.try_lock() {
            Ok(errands) => errands,
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Poisoned(errands)) => errands.into_inner(),
        };
        let (reply, mirrored) = mpsc::channel();
        // Where nobody receives it, the reply is dropped, and that is heard below.
        let _ = errands.as_ref()?.send(Errand {
            plane: film.mirrored(),
            threads,
            reply,
        });
        set_threads(threads);
        let straight = plan.map(film).map_err(|error| classify(error.to_string()));
        let lost = |_| SegmentError::Fatal("the thread of mirror images has ended".to_owned());
        let mirrored = mirrored.recv().map_err(lost).flatten();
        Some(straight.and_then(|straight| Ok(straight.averaged(&mirrored?.mirrored()))))
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        *self
            .errands
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there was told to whoever waited
        }
    }
}

fn run(plan: &Plan, errands: &mpsc::Receiver<Errand>) {
    let _no_grad = tch::no_grad_guard();
    for Errand {
        plane,
        threads,
        reply,
    } in errands
    {
        set_threads(threads);
        let map = plan
            .map(&plane)
            .map_err(|error| classify(error.to_string()));
        let _ = reply.send(map); // the model thread may have unwound
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use tch::nn::VarStore;
    use tch::{Device, Kind};

    use super::*;
    use crate::network::segnet::{SegNet, randomise};

    fn plan() -> Plan {
        tch::manual_seed(11);
        let width = NonZeroU16::new(3).unwrap();
        let store = VarStore::new(Device::Cpu);
        let _network = SegNet::new(&store.root(), width, Kind::Float);
        randomise(&store);
        let _guard = tch::no_grad_guard();
        Plan::fold(&store.variables(), width, Device::Cpu, Kind::Float)
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
        let twin = Twin::start(plan.share()).unwrap();
        let _guard = tch::no_grad_guard();
        let alone = plan.segment(&[&film]).unwrap().remove(0);
        assert_eq!(
            twin.averaged(&plan, &film, NonZeroUsize::MIN)
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
    fn a_twin_that_is_busy_is_not_waited_for() {
        let (plan, film) = (plan(), film());
        let twin = Twin::start(plan.share()).unwrap();
        let _busy = twin.errands.lock().unwrap();
        assert!(twin.averaged(&plan, &film, NonZeroUsize::MIN).is_none());
    }

    #[test]
    fn a_twin_that_is_lost_is_told_of() {
        let (plan, film) = (plan(), film());
        let (errands, received) = mpsc::channel();
        drop(received);
        let twin = Twin {
            errands: Mutex::new(Some(errands)),
            thread: None,
        };
        let lost = twin.averaged(&plan, &film, NonZeroUsize::MIN).unwrap();
        assert!(matches!(lost, Err(SegmentError::Fatal(_))));
    }
}
