//! Runs batches on a model thread, and turns the outcome of each into replies.
//!
//! Relies on panics that unwind: a profile with `panic = "abort"` would leave callers without a reply.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::queue::{Job, Queue};
use super::{EngineError, Segmented};
use crate::segmenter::{SegmentError, Segmenter};
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// Runs batches from `queue` on this thread until the queue is closed and empty, or the segmenter is lost.
pub(super) fn work<S: Segmenter>(queue: &Queue, segmenter: S) {
    // The segmenter is moved in, so that a panic while it is dropped is caught as well.
    let ended = catch_unwind(AssertUnwindSafe(move || run_batches(queue, segmenter)));
    if let Err(payload) = ended {
        tracing::error!(
            error = message(&*payload),
            "the model thread panicked outside a batch"
        );
        queue.fail();
    }
}

fn run_batches<S: Segmenter>(queue: &Queue, mut segmenter: S) {
    while let Some(jobs) = queue.next_batch() {
        let cut = Instant::now();
        let spans: Vec<_> = jobs
            .iter()
            .map(|job| tracing::info_span!(parent: &job.span, "infer", batch.size = jobs.len()))
            .collect();
        let inputs: Vec<&ModelInput> = jobs.iter().map(|job| &job.input).collect();
        // The jobs stay outside of the closure: whatever unwinds, their callers get a reply.
        let outcome = catch_unwind(AssertUnwindSafe(|| run_batch(&mut segmenter, &inputs)))
            .unwrap_or_else(|payload| Err(DeviceLost(format!("panicked: {}", message(&*payload)))));
        drop(spans);
        match outcome {
            Ok(results) => reply_all(jobs, results, cut),
            Err(DeviceLost(cause)) => {
                tracing::error!(batch.size = jobs.len(), error = %cause, "the segmenter is lost");
                queue.fail();
                for job in jobs {
                    job.reply(Err(EngineError::Stopped));
                }
                return;
            }
        }
    }
}

/// The device is lost, for this reason.
#[derive(Debug)]
struct DeviceLost(String);

/// The error of a film that has no map although the device works.
#[derive(Debug)]
enum FilmError {
    OutOfMemory,
    Failed(String),
}

/// The result of one film.
type FilmResult = Result<ProbabilityMap, FilmError>;

fn reply_all(jobs: Vec<Job>, results: Vec<FilmResult>, cut: Instant) {
    let infer = cut.elapsed();
    let batch_size = jobs.len();
    for (job, result) in jobs.into_iter().zip(results) {
        let reply = match result {
            Ok(map) => Ok(Segmented {
                map,
                queue: cut.saturating_duration_since(job.arrived),
                infer,
                batch_size,
            }),
            Err(FilmError::OutOfMemory) => {
                tracing::warn!(parent: &job.span, batch.size = batch_size, "the device is out of memory");
                Err(EngineError::OutOfMemory)
            }
            Err(FilmError::Failed(cause)) => {
                tracing::error!(parent: &job.span, error = %cause, "the forward pass failed");
                Err(EngineError::Failed)
            }
        };
        job.reply(reply);
    }
}

/// Runs a batch, in two halves where the device is out of memory. Returns a result for each film, in order.
fn run_batch<S: Segmenter>(
    segmenter: &mut S,
    batch: &[&ModelInput],
) -> Result<Vec<FilmResult>, DeviceLost> {
    match forward(segmenter, batch) {
        Err(SegmentError::OutOfMemory) if batch.len() > 1 => {
            tracing::warn!(batch.size = batch.len(), "out of memory, halving the batch");
            let (front, back) = batch.split_at(batch.len().div_ceil(2));
            let mut results = run_half(segmenter, front)?;
            results.extend(run_half(segmenter, back)?);
            Ok(results)
        }
        outcome => film_results(segmenter, batch, outcome),
    }
}

/// Runs a batch that is not halved again.
fn run_half<S: Segmenter>(
    segmenter: &mut S,
    batch: &[&ModelInput],
) -> Result<Vec<FilmResult>, DeviceLost> {
    let outcome = forward(segmenter, batch);
    film_results(segmenter, batch, outcome)
}

/// Turns the outcome of a pass into the results of its films. After an ordinary failure each film runs alone, once.
fn film_results<S: Segmenter>(
    segmenter: &mut S,
    batch: &[&ModelInput],
    outcome: Result<Vec<ProbabilityMap>, SegmentError>,
) -> Result<Vec<FilmResult>, DeviceLost> {
    match outcome {
        Err(SegmentError::Failed(cause)) => {
            tracing::warn!(batch.size = batch.len(), error = %cause, "batch failed, running each film alone");
            batch
                .iter()
                .map(|input| run_alone(segmenter, input))
                .collect()
        }
        Err(SegmentError::OutOfMemory) => {
            Ok(batch.iter().map(|_| Err(FilmError::OutOfMemory)).collect())
        }
        Err(SegmentError::Fatal(cause)) => Err(DeviceLost(cause)),
        Ok(maps) => Ok(maps.into_iter().map(Ok).collect()),
    }
}

fn run_alone<S: Segmenter>(
    segmenter: &mut S,
    input: &ModelInput,
) -> Result<FilmResult, DeviceLost> {
    match forward(segmenter, &[input]) {
        Ok(mut maps) => Ok(Ok(maps
            .pop()
            .expect("a forward pass has a map of each plane"))),
        Err(SegmentError::OutOfMemory) => Ok(Err(FilmError::OutOfMemory)),
        Err(SegmentError::Failed(cause)) => Ok(Err(FilmError::Failed(cause))),
        Err(SegmentError::Fatal(cause)) => Err(DeviceLost(cause)),
    }
}

/// Runs one forward pass. A pass that does not return one map for each plane has failed.
fn forward<S: Segmenter>(
    segmenter: &mut S,
    batch: &[&ModelInput],
) -> Result<Vec<ProbabilityMap>, SegmentError> {
    let maps = segmenter.segment(batch)?;
    if maps.len() == batch.len() {
        Ok(maps)
    } else {
        Err(SegmentError::Failed(format!(
            "{} maps for a batch of {}",
            maps.len(),
            batch.len()
        )))
    }
}

/// Returns the message of a panic, where it has one.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Behaviour, FakeSegmenter, Passes};

    /// Runs a batch of `size` planes valued 0, 1/8, 2/8 and so on. Returns its results and its passes.
    fn run(behaviour: Behaviour, size: u8) -> (Result<Vec<FilmResult>, DeviceLost>, Passes) {
        let planes: Vec<_> = (0..size)
            .map(|i| ModelInput::new(1, vec![f32::from(i) / 8.0]).unwrap())
            .collect();
        let mut segmenter = FakeSegmenter::new(behaviour);
        let results = run_batch(&mut segmenter, &planes.iter().collect::<Vec<_>>());
        (results, segmenter.passes())
    }

    /// Returns a letter for each film: `v` for the right map, `m` for out of memory, `f` for failed.
    fn verdicts(results: &[FilmResult]) -> String {
        let verdict = |(place, result): (usize, &FilmResult)| match result {
            Ok(map) if map.values() == [place as f32 / 8.0] => 'v',
            Ok(_) => '?',
            Err(FilmError::OutOfMemory) => 'm',
            Err(FilmError::Failed(_)) => 'f',
        };
        results.iter().enumerate().map(verdict).collect()
    }

    #[track_caller]
    fn assert_films(behaviour: Behaviour, size: u8, expected: &str, batch_sizes: &[usize]) {
        let (results, passes) = run(behaviour, size);
        assert_eq!(verdicts(&results.unwrap()), expected);
        assert_eq!(passes.batch_sizes(), batch_sizes);
    }

    #[test]
    fn a_sound_batch_takes_one_pass() {
        assert_films(Behaviour::Echo, 5, "vvvvv", &[5]);
    }

    #[test]
    fn out_of_memory_halves_the_batch_once_and_both_halves_run() {
        assert_films(Behaviour::OutOfMemoryAbove(4), 8, "vvvvvvvv", &[8, 4, 4]);
        assert_films(Behaviour::OutOfMemoryAbove(2), 8, "mmmmmmmm", &[8, 4, 4]);
        assert_films(Behaviour::OutOfMemoryAbove(2), 5, "mmmvv", &[5, 3, 2]);
    }

    #[test]
    fn a_single_film_that_does_not_fit_is_not_tried_again() {
        assert_films(Behaviour::OutOfMemoryAbove(0), 1, "m", &[1]);
    }

    #[test]
    fn a_poisonous_film_fails_alone_and_its_mates_succeed() {
        assert_films(Behaviour::FailOn(0.25), 4, "vvfv", &[4, 1, 1, 1, 1]);
    }

    #[test]
    fn a_single_film_that_fails_is_tried_once_more() {
        assert_films(Behaviour::FailFirst(1), 1, "v", &[1, 1]);
        assert_films(Behaviour::FailFirst(usize::MAX), 1, "f", &[1, 1]);
    }

    #[test]
    fn a_wrong_number_of_maps_is_a_failure() {
        assert_films(Behaviour::Miscount, 2, "ff", &[2, 1, 1]);
    }

    #[test]
    fn a_lost_device_is_not_asked_again() {
        let (results, passes) = run(Behaviour::Fatal, 3);
        assert!(results.is_err());
        assert_eq!(passes.batch_sizes(), [3]);
    }

    #[test]
    fn a_panic_is_quoted_where_it_has_words() {
        assert_eq!(message(&"literal"), "literal");
        assert_eq!(message(&String::from("formatted")), "formatted");
        assert_eq!(message(&7), "no message");
    }
}
