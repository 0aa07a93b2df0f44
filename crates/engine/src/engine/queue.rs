//! The bounded queue of an engine. It hands its jobs to whichever model thread is free.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tracing::Span;

use super::batching::{QueuedJob, Step, cause, next_step, take_dead};
use super::{BatchCause, BatchCounts, EngineCounts, EngineError, EngineOptions, Health, Segmented};
use lungfield_radiograph::geometry::ModelInput;

/// What the caller of a job receives.
pub(super) type Reply = Result<Segmented, EngineError>;

/// A plane in the queue or on the device.
pub(super) struct Job {
    pub(super) input: ModelInput,
    pub(super) arrived: Instant,
    /// The request's span, so that what the model thread logs about this job names its request.
    pub(super) span: Span,
    /// The span of the wait, which ends when the job is cut.
    wait_span: Span,
    deadline: Instant,
    reply: oneshot::Sender<Reply>,
    /// Returned when the job is cut or skipped.
    permit: Option<QueuePermit>,
}

/// One of the queue's places, held by a job or for a job that is still to come.
#[derive(Debug)]
pub(super) struct QueuePermit(
    #[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit,
);

impl Job {
    /// Sends the reply to the caller.
    pub(super) fn reply(self, reply: Reply) {
        let _ = self.reply.send(reply); // the caller may have left; that is fine
    }

    /// Frees the job's place and ends the span of its wait.
    fn leave_queue(mut self) -> Self {
        drop((
            self.permit.take(),
            std::mem::replace(&mut self.wait_span, Span::none()),
        ));
        self
    }

    fn facts(&self) -> QueuedJob {
        QueuedJob {
            arrived: self.arrived,
            deadline: self.deadline,
            departed: self.reply.is_closed(),
        }
    }
}

/// The one bounded queue from which all model threads take their batches.
pub(super) struct Queue {
    options: EngineOptions,
    /// The free places. They are outside of the state, so that a place is freed without its lock.
    places: Arc<Semaphore>,
    /// A `std` lock: it is never held across an await, and the model threads wait on it without a runtime.
    state: Mutex<State>,
    /// Notified of every new job and of every change of health.
    changed: Condvar,
    /// Changed only while `state` is locked, so that no job can join a queue that no thread empties.
    health: watch::Sender<Health>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    counts: EngineCounts,
    batches: BatchCounts,
}

impl Queue {
    pub(super) fn new(options: EngineOptions) -> Self {
        let (health, _) = watch::channel(Health::Running);
        let places = Arc::new(Semaphore::new(options.queue_capacity.get()));
        Self {
            options,
            places,
            state: Mutex::default(),
            changed: Condvar::new(),
            health,
        }
    }

    /// Reserves a place for a job that is still to come. Never waits.
    pub(super) fn reserve(&self) -> Result<QueuePermit, EngineError> {
        self.check_running()?;
        if self.is_full() {
            return Err(EngineError::Overloaded);
        }
        let permit = Arc::clone(&self.places).try_acquire_owned();
        permit
            .map(QueuePermit)
            .map_err(|_taken_meanwhile| EngineError::Overloaded)
    }

    /// Adds a job at the end and returns the receiver of its reply. Never waits.
    ///
    /// Where the receiver closes without a reply, the engine has stopped.
    pub(super) fn push(
        &self,
        permit: QueuePermit,
        input: ModelInput,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Reply>, EngineError> {
        let mut state = self.lock();
        self.check_running()?;
        let (reply, receiver) = oneshot::channel();
        state.jobs.push_back(Job {
            input,
            arrived: Instant::now(),
            span: Span::current(),
            wait_span: tracing::info_span!("queue"),
            deadline,
            reply,
            permit: Some(permit),
        });
        drop(state);
        self.changed.notify_one();
        Ok(receiver)
    }

    /// Waits until the batching rule cuts a batch, and takes its jobs, oldest first. Returns `None` when the thread
    /// should end. Blocks: for model threads only.
    pub(super) fn next_batch(&self) -> Option<Vec<Job>> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            state.skip_dead(now);
            let live: Vec<QueuedJob> = state.jobs.iter().map(Job::facts).collect();
            let closing = self.health() != Health::Running;
            match next_step(&live, now, &self.options, closing) {
                Step::Cut(size) => {
                    return Some(state.cut(size, cause(size, &self.options, closing)));
                }
                Step::WaitForWork => {
                    state = self
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                Step::WaitUntil(due) => {
                    let woken = self.changed.wait_timeout(state, due - now);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
                Step::Stop => return None,
            }
        }
    }

    /// Refuses new jobs from now on. Jobs that wait are still handed out.
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

    /// Refuses new jobs from now on, and replies [`EngineError::Stopped`] to those that wait.
    pub(super) fn fail(&self) {
        let mut state = self.lock();
        self.health.send_replace(Health::Failed);
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        self.changed.notify_all();
        for job in jobs {
            job.reply(Err(EngineError::Stopped));
        }
    }

    /// Returns whether no place is free. Jobs whose callers have left are removed first.
    pub(super) fn is_full(&self) -> bool {
        if self.places.available_permits() == 0 {
            self.lock().skip_dead(Instant::now());
        }
        self.places.available_permits() == 0
    }

    pub(super) fn capacity(&self) -> usize {
        self.options.queue_capacity.get()
    }

    pub(super) fn depth(&self) -> usize {
        self.lock().jobs.len()
    }

    pub(super) fn counts(&self) -> EngineCounts {
        self.lock().counts
    }

    pub(super) fn batches(&self) -> BatchCounts {
        self.lock().batches.clone()
    }

    pub(super) fn watch_health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn health(&self) -> Health {
        *self.health.borrow()
    }

    /// Returns an error unless the queue takes jobs.
    fn check_running(&self) -> Result<(), EngineError> {
        match self.health() {
            Health::Running => Ok(()),
            Health::Draining => Err(EngineError::Draining),
            Health::Failed => Err(EngineError::Stopped),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves whole jobs and whole counts behind: the state is sound either way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Removes the jobs that are not worth device time, and replies to those that have expired.
    fn skip_dead(&mut self, now: Instant) {
        let dead = take_dead(&mut self.jobs, now, Job::facts);
        self.counts.expired += dead.expired.len() as u64;
        self.counts.departed += dead.departed.len() as u64;
        for job in dead.expired {
            job.reply(Err(EngineError::DeadlineExceeded));
        }
    }

    fn cut(&mut self, size: usize, cause: BatchCause) -> Vec<Job> {
        self.batches.add(size, cause);
        self.counts.batches += 1;
        self.counts.jobs += size as u64;
        let jobs = self.jobs.drain(..size);
        jobs.map(Job::leave_queue).collect()
    }
}

// Written by hand, because the jobs hold films.
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

    const HOUR: Duration = Duration::from_hours(1);

    fn queue(queue_capacity: usize) -> Queue {
        Queue::new(EngineOptions {
            max_batch_size: NonZeroUsize::new(4).unwrap(),
            max_queue_delay: Duration::ZERO,
            queue_capacity: NonZeroUsize::new(queue_capacity).unwrap(),
        })
    }

    fn push(queue: &Queue, value: f32) -> Result<oneshot::Receiver<Reply>, EngineError> {
        let input = ModelInput::new(1, vec![value]).unwrap();
        queue.push(
            queue.reserve()?,
            input,
            Instant::now() + Duration::from_mins(10),
        )
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
        assert_eq!(queue.depth(), 2);
    }

    #[test]
    fn a_place_is_taken_from_its_reservation_until_its_job_is_cut() {
        let queue = queue(2);
        let (first, second) = (queue.reserve().unwrap(), queue.reserve().unwrap());
        assert!(queue.is_full());
        assert_eq!(queue.reserve().unwrap_err(), EngineError::Overloaded);
        drop(first); // a film that could not be read
        let _kept = queue
            .push(
                second,
                ModelInput::new(1, vec![0.5]).unwrap(),
                Instant::now() + HOUR,
            )
            .unwrap();
        let _third = queue.reserve().unwrap();
        assert!(queue.is_full());
        let _running = queue.next_batch();
        assert!(!queue.is_full());
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
        let _kept: Vec<_> = (0_u8..6)
            .map(|value| push(&queue, f32::from(value)).unwrap())
            .collect();
        assert_eq!(values(&queue.next_batch().unwrap()), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(values(&queue.next_batch().unwrap()), [4.0, 5.0]);
        let expected = EngineCounts {
            batches: 2,
            jobs: 6,
            ..EngineCounts::default()
        };
        assert_eq!(queue.counts(), expected);
        let batches = queue.batches();
        assert_eq!(
            batches.of_size.into_iter().collect::<Vec<_>>(),
            [(2, 1), (4, 1)]
        );
        assert_eq!(
            batches.by_cause.into_iter().collect::<Vec<_>>(),
            [(BatchCause::Full, 1), (BatchCause::DeviceFree, 1)]
        );
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
        assert_eq!(
            waiting.try_recv().unwrap().unwrap_err(),
            EngineError::Stopped
        );
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
