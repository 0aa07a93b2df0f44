//! Decides which jobs may wait, and hands them to whichever model thread is free.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{oneshot, watch};
use tracing::Span;

use super::batch::{Step, Waiting, next_step, triage};
use super::{EngineCounts, EngineError, EngineOptions, Health, Segmented};
use crate::geometry::ModelInput;

/// What the caller of a job hears.
pub(super) type Answer = Result<Segmented, EngineError>;

/// One plane on its way to the device.
pub(super) struct Job {
    pub(super) input: ModelInput,
    pub(super) arrived: Instant,
    /// The request's span, so that what the model thread logs about this job names its request.
    pub(super) span: Span,
    deadline: Instant,
    reply: oneshot::Sender<Answer>,
}

impl Job {
    pub(super) fn answer(self, answer: Answer) {
        let _ = self.reply.send(answer); // the caller may have left; that is fine
    }

    fn waiting(&self) -> Waiting {
        Waiting { arrived: self.arrived, deadline: self.deadline, departed: self.reply.is_closed() }
    }
}

/// The one bounded queue from which all model threads take their batches.
pub(super) struct Queue {
    options: EngineOptions,
    /// A `std` lock: it is never held across an await, and the model threads wait on it without a runtime.
    state: Mutex<State>,
    /// Told of every new job and of every change of health.
    changed: Condvar,
    /// Changed only while `state` is locked, so that no job slips into a queue that nobody empties.
    health: watch::Sender<Health>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    counts: EngineCounts,
}

impl Queue {
    pub(super) fn new(options: EngineOptions) -> Self {
        let (health, _) = watch::channel(Health::Running);
        Self { options, state: Mutex::default(), changed: Condvar::new(), health }
    }

    /// Adds a job at the end and returns where its answer will arrive; never waits.
    ///
    /// Where the receiver closes without an answer, the engine has stopped.
    pub(super) fn push(
        &self,
        input: ModelInput,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Answer>, EngineError> {
        let now = Instant::now();
        let mut state = self.lock();
        match self.health() {
            Health::Running => {}
            Health::Draining => return Err(EngineError::Draining),
            Health::Failed => return Err(EngineError::Stopped),
        }
        if state.is_full(&self.options, now) {
            state.counts.rejected += 1;
            return Err(EngineError::Overloaded);
        }
        let (reply, answer) = oneshot::channel();
        state.jobs.push_back(Job { input, arrived: now, span: Span::current(), deadline, reply });
        drop(state);
        self.changed.notify_one();
        Ok(answer)
    }

    /// Waits until the batching rule cuts a batch, and takes its jobs, oldest first; `None` when the thread is to
    /// end. Blocks: for model threads only.
    pub(super) fn next_batch(&self) -> Option<Vec<Job>> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            state.skip_dead(now);
            let live: Vec<Waiting> = state.jobs.iter().map(Job::waiting).collect();
            match next_step(&live, now, &self.options, self.health() != Health::Running) {
                Step::Cut(size) => return Some(state.cut(size)),
                Step::WaitForWork => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Step::WaitUntil(due) => {
                    let woken = self.changed.wait_timeout(state, due - now);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
                Step::Stop => return None,
            }
        }
    }

    /// Refuses new jobs from now on; those that wait are still handed out.
    pub(super) fn close(&self) {
        let state = self.lock();
        self.health.send_if_modified(|health| {
            let running = *health == Health::Running;
            if running {
                *health = Health::Draining;
            }
            running
        });
        drop(state);
        self.changed.notify_all();
    }

    /// Refuses new jobs from now on and answers those that wait with [`EngineError::Stopped`].
    pub(super) fn fail(&self) {
        let mut state = self.lock();
        self.health.send_replace(Health::Failed);
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        self.changed.notify_all();
        for job in jobs {
            job.answer(Err(EngineError::Stopped));
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.lock().is_full(&self.options, Instant::now())
    }

    pub(super) fn depth(&self) -> usize {
        self.lock().jobs.len()
    }

    pub(super) fn counts(&self) -> EngineCounts {
        self.lock().counts
    }

    pub(super) fn watch_health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn health(&self) -> Health {
        *self.health.borrow()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves whole jobs and whole counts behind: the state is sound either way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Jobs that nobody waits for any more take no place from those that come.
    fn is_full(&mut self, options: &EngineOptions, now: Instant) -> bool {
        let capacity = options.queue_capacity.get();
        if self.jobs.len() >= capacity {
            self.skip_dead(now);
        }
        self.jobs.len() >= capacity
    }

    fn skip_dead(&mut self, now: Instant) {
        let dead = triage(&mut self.jobs, now, Job::waiting);
        self.counts.expired += dead.expired.len() as u64;
        self.counts.departed += dead.departed.len() as u64;
        for job in dead.expired {
            job.answer(Err(EngineError::DeadlineExceeded));
        }
    }

    fn cut(&mut self, size: usize) -> Vec<Job> {
        self.counts.batches += 1;
        self.counts.jobs += size as u64;
        self.jobs.drain(..size).collect()
    }
}

// By hand, since the jobs hold films.
impl std::fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Queue")
            .field("options", &self.options)
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use super::*;

    fn queue(queue_capacity: usize) -> Queue {
        Queue::new(EngineOptions {
            max_batch_size: NonZeroUsize::new(4).unwrap(),
            max_queue_delay: Duration::ZERO,
            queue_capacity: NonZeroUsize::new(queue_capacity).unwrap(),
        })
    }

    fn push(queue: &Queue, value: f32) -> Result<oneshot::Receiver<Answer>, EngineError> {
        let input = ModelInput::new(1, vec![value]).unwrap();
        queue.push(input, Instant::now() + Duration::from_mins(10))
    }

    fn values(batch: &[Job]) -> Vec<f32> {
        batch.iter().map(|job| job.input.pixels()[0]).collect()
    }

    #[test]
    fn a_full_queue_refuses_instead_of_waiting() {
        let queue = queue(2);
        let _kept = [push(&queue, 1.0).unwrap(), push(&queue, 2.0).unwrap()];
        assert!(queue.is_full());
        assert_eq!(push(&queue, 3.0).unwrap_err(), EngineError::Overloaded);
        assert_eq!((queue.depth(), queue.counts().rejected), (2, 1));
    }

    #[test]
    fn departed_callers_make_room_in_a_full_queue() {
        let queue = queue(2);
        let kept = push(&queue, 1.0).unwrap();
        drop(push(&queue, 2.0).unwrap());
        assert!(!queue.is_full());
        let late = push(&queue, 3.0).unwrap();
        assert_eq!(values(&queue.next_batch().unwrap()), [1.0, 3.0]);
        assert_eq!(queue.counts().departed, 1);
        drop((kept, late));
    }

    #[test]
    fn the_first_in_is_the_first_out_and_what_is_left_waits() {
        let queue = queue(8);
        let _kept: Vec<_> = (0_u8..6).map(|value| push(&queue, f32::from(value)).unwrap()).collect();
        assert_eq!(values(&queue.next_batch().unwrap()), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(values(&queue.next_batch().unwrap()), [4.0, 5.0]);
        let expected = EngineCounts { batches: 2, jobs: 6, ..EngineCounts::default() };
        assert_eq!(queue.counts(), expected);
    }

    #[test]
    fn a_closed_queue_hands_out_what_waits_and_takes_nothing_new() {
        let queue = queue(8);
        let _kept = push(&queue, 1.0).unwrap();
        queue.close();
        assert_eq!(push(&queue, 2.0).unwrap_err(), EngineError::Draining);
        assert_eq!(values(&queue.next_batch().unwrap()), [1.0]);
        assert!(queue.next_batch().is_none());
    }

    #[test]
    fn a_failed_queue_answers_what_waits_and_stays_failed() {
        let queue = queue(8);
        let mut waiting = push(&queue, 1.0).unwrap();
        queue.fail();
        assert_eq!(waiting.try_recv().unwrap().unwrap_err(), EngineError::Stopped);
        queue.close();
        assert_eq!(*queue.watch_health().borrow(), Health::Failed);
        assert_eq!(push(&queue, 2.0).unwrap_err(), EngineError::Stopped);
        assert!(queue.next_batch().is_none());
    }

    #[test]
    fn a_queue_shows_no_film_when_it_is_debugged() {
        let queue = queue(8);
        let _kept = push(&queue, 0.123).unwrap();
        assert!(!format!("{queue:?}").contains("0.123"));
    }
}
