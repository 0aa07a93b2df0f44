//! The batching rule: which jobs of the queue form the next batch, and when.
//!
//! These are plain functions of plain values. The queue passes the jobs and the time, and acts on the result.

use std::collections::VecDeque;
use std::time::Instant;

use super::{BatchCause, EngineOptions};

/// The facts about a job in the queue that decide its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueuedJob {
    /// When the job joined the queue.
    pub(super) arrived: Instant,
    /// When its caller stops waiting.
    pub(super) deadline: Instant,
    /// Whether its caller has left.
    pub(super) departed: bool,
}

/// The next step of a model thread that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Run this many jobs from the front of the queue, at least one.
    Cut(usize),
    /// Wait for more jobs until this time at most.
    WaitUntil(Instant),
    /// Wait for a job.
    WaitForWork,
    /// End: no job waits, and none will come.
    Stop,
}

/// Returns the next step of a free model thread. `live` are the jobs that [`take_dead`] has left, oldest first.
///
/// With a `max_queue_delay` of zero, all jobs that wait are cut at once, up to `max_batch_size`. With a longer delay, a
/// partial batch waits until its oldest job has waited that long. It is cut at once where the queue is `closing`, and
/// where the wait would cost a job its deadline: nobody knows how long the forward pass takes, so a longer wait could
/// only lose the job.
pub(super) fn next_step(
    live: &[QueuedJob],
    now: Instant,
    options: &EngineOptions,
    closing: bool,
) -> Step {
    let full = options.max_batch_size.get();
    let (Some(oldest), Some(earliest_deadline)) =
        (live.first(), live.iter().map(|job| job.deadline).min())
    else {
        return if closing {
            Step::Stop
        } else {
            Step::WaitForWork
        };
    };
    if closing || live.len() >= full {
        return Step::Cut(live.len().min(full));
    }
    match oldest.arrived.checked_add(options.max_queue_delay) {
        Some(due) if now < due && due < earliest_deadline => Step::WaitUntil(due),
        _ => Step::Cut(live.len()),
    }
}

/// Returns the cause of a batch of `size` jobs that [`next_step`] has cut.
pub(super) fn cause(size: usize, options: &EngineOptions, closing: bool) -> BatchCause {
    if size >= options.max_batch_size.get() {
        BatchCause::Full
    } else if closing {
        BatchCause::Closing
    } else if options.max_queue_delay.is_zero() {
        BatchCause::DeviceFree
    } else {
        BatchCause::DelayOver
    }
}

/// The jobs that [`take_dead`] has removed from a queue, each list oldest first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DeadJobs<J> {
    /// Jobs whose deadline has come. Their callers may still receive a reply.
    pub(super) expired: Vec<J>,
    /// Jobs whose callers left before the deadline.
    pub(super) departed: Vec<J>,
}

/// Removes the jobs that are not worth device time at `now`. The others keep their order.
pub(super) fn take_dead<J>(
    jobs: &mut VecDeque<J>,
    now: Instant,
    facts: impl Fn(&J) -> QueuedJob,
) -> DeadJobs<J> {
    let mut dead = DeadJobs {
        expired: Vec::new(),
        departed: Vec::new(),
    };
    for _ in 0..jobs.len() {
        let Some(job) = jobs.pop_front() else { break };
        let queued = facts(&job);
        if now >= queued.deadline {
            dead.expired.push(job);
        } else if queued.departed {
            dead.departed.push(job);
        } else {
            jobs.push_back(job);
        }
    }
    dead
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn options(max_batch_size: usize, max_queue_delay_ms: u64) -> EngineOptions {
        EngineOptions {
            max_batch_size: NonZeroUsize::new(max_batch_size).unwrap(),
            max_queue_delay: ms(max_queue_delay_ms),
            queue_capacity: NonZeroUsize::new(64).unwrap(),
        }
    }

    fn ms(duration_ms: u64) -> Duration {
        Duration::from_millis(duration_ms)
    }

    /// Returns jobs that arrived at these milliseconds after `start`, with a minute to their deadline.
    fn arrived(start: Instant, offsets_ms: &[u64]) -> Vec<QueuedJob> {
        let job = |&offset| QueuedJob {
            arrived: start + ms(offset),
            deadline: start + ms(60_000),
            departed: false,
        };
        offsets_ms.iter().map(job).collect()
    }

    #[test]
    fn without_a_delay_whatever_waits_is_cut_at_once() {
        let start = Instant::now();
        assert_eq!(
            next_step(&arrived(start, &[0]), start, &options(8, 0), false),
            Step::Cut(1)
        );
        assert_eq!(
            next_step(
                &arrived(start, &[0, 1, 2]),
                start + ms(2),
                &options(8, 0),
                false
            ),
            Step::Cut(3)
        );
    }

    #[test]
    fn a_batch_has_one_cause() {
        assert_eq!(cause(8, &options(8, 50), true), BatchCause::Full);
        assert_eq!(cause(7, &options(8, 50), true), BatchCause::Closing);
        assert_eq!(cause(7, &options(8, 0), false), BatchCause::DeviceFree);
        assert_eq!(cause(7, &options(8, 50), false), BatchCause::DelayOver);
    }

    #[test]
    fn a_batch_is_never_larger_than_its_limit() {
        let start = Instant::now();
        assert_eq!(
            next_step(&arrived(start, &[0; 9]), start, &options(4, 50), false),
            Step::Cut(4)
        );
    }

    #[test]
    fn a_partial_batch_waits_until_its_oldest_job_has_waited_the_delay() {
        let start = Instant::now();
        let live = arrived(start, &[10, 40]);
        let step = |at_ms| next_step(&live, start + ms(at_ms), &options(4, 50), false);
        assert_eq!(step(40), Step::WaitUntil(start + ms(60)));
        assert_eq!(step(59), Step::WaitUntil(start + ms(60)));
        assert_eq!(step(60), Step::Cut(2));
        assert_eq!(step(90), Step::Cut(2));
    }

    #[test]
    fn a_full_batch_does_not_wait() {
        let start = Instant::now();
        assert_eq!(
            next_step(
                &arrived(start, &[0, 1]),
                start + ms(1),
                &options(2, 50),
                false
            ),
            Step::Cut(2)
        );
    }

    #[test]
    fn a_delay_never_costs_a_job_its_deadline() {
        let start = Instant::now();
        let mut live = arrived(start, &[0, 5]);
        live[1].deadline = start + ms(50);
        assert_eq!(
            next_step(&live, start + ms(5), &options(4, 50), false),
            Step::Cut(2)
        );
        live[1].deadline = start + ms(51);
        assert_eq!(
            next_step(&live, start + ms(5), &options(4, 50), false),
            Step::WaitUntil(start + ms(50))
        );
    }

    #[test]
    fn a_delay_beyond_all_time_is_no_delay() {
        let start = Instant::now();
        let endless = EngineOptions {
            max_queue_delay: Duration::MAX,
            ..options(4, 0)
        };
        assert_eq!(
            next_step(&arrived(start, &[0]), start, &endless, false),
            Step::Cut(1)
        );
    }

    #[test]
    fn a_closing_queue_is_emptied_without_delay_and_then_stops() {
        let start = Instant::now();
        assert_eq!(
            next_step(&arrived(start, &[0, 0]), start, &options(4, 50), true),
            Step::Cut(2)
        );
        assert_eq!(
            next_step(&arrived(start, &[0; 6]), start, &options(4, 50), true),
            Step::Cut(4)
        );
        assert_eq!(next_step(&[], start, &options(4, 50), true), Step::Stop);
        assert_eq!(
            next_step(&[], start, &options(4, 50), false),
            Step::WaitForWork
        );
    }

    #[test]
    fn a_job_is_expired_from_its_deadline_on_even_when_its_caller_has_left() {
        let now = Instant::now();
        let job = |deadline, departed| QueuedJob {
            arrived: now,
            deadline,
            departed,
        };
        let expired = [job(now, false), job(now, true)];
        let departed = job(now + ms(1), true);
        let live = job(now + ms(1), false);
        let mut jobs = VecDeque::from([expired[0], departed, live, expired[1]]);
        let dead = take_dead(&mut jobs, now, |&job| job);
        assert_eq!(
            dead,
            DeadJobs {
                expired: expired.to_vec(),
                departed: vec![departed]
            }
        );
        assert_eq!(jobs, [live]);
    }

    proptest! {
        /// Jobs are identified by their place in line.
        #[test]
        fn every_job_is_run_once_in_order_or_skipped_with_cause(
            lifetimes in prop::collection::vec((0_u64..40, any::<bool>()), 0..40),
            max_batch_size in 1_usize..10,
            delay_ms in 0_u64..30,
            pass_ms in 0_u64..10,
        ) {
            let start = Instant::now();
            let options = options(max_batch_size, delay_ms);
            let state = |&place: &usize| {
                let (lifetime_ms, departed) = lifetimes[place];
                QueuedJob { arrived: start, deadline: start + ms(lifetime_ms), departed }
            };
            let mut jobs: VecDeque<usize> = (0..lifetimes.len()).collect();
            let (mut run, mut skipped, mut now) = (Vec::new(), Vec::new(), start);
            loop {
                let dead = take_dead(&mut jobs, now, state);
                prop_assert!(dead.expired.iter().all(|place| state(place).deadline <= now));
                prop_assert!(dead.departed.iter().all(|place| state(place).departed));
                skipped.extend(dead.expired.into_iter().chain(dead.departed));
                let live: Vec<_> = jobs.iter().map(state).collect();
                match next_step(&live, now, &options, false) {
                    Step::Cut(size) => {
                        prop_assert!((1..=max_batch_size).contains(&size) && size <= jobs.len());
                        prop_assert!(live[..size].iter().all(|job| !job.departed && now < job.deadline));
                        run.extend(jobs.drain(..size));
                        now += ms(pass_ms);
                    }
                    Step::WaitUntil(due) => {
                        prop_assert!(now < due && live.iter().all(|job| due < job.deadline));
                        prop_assert!(live.len() < max_batch_size && due <= start + ms(delay_ms));
                        now = due;
                    }
                    Step::WaitForWork => break,
                    Step::Stop => prop_assert!(false, "an open queue never stops"),
                }
            }
            prop_assert!(run.is_sorted());
            let mut all = [run, skipped].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lifetimes.len()).collect::<Vec<_>>());
        }
    }
}
