//! Decides what becomes of a batch on the model thread: its maps, a second attempt in smaller batches, or the end.
//!
//! Relies on panics that unwind: a profile with `panic = "abort"` would leave callers unanswered.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::queue::{Job, Queue};
use super::{EngineError, Segmented};
use crate::segmenter::{SegmentError, Segmenter};
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// Runs batches from `queue` on this thread until it is closed and empty, or the segmenter is lost.
pub(super) fn work<S: Segmenter>(queue: &Queue, segmenter: S) {
    // The segmenter moves in: a panic while it is taken down is caught here as well.
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
        let passes: Vec<_> = jobs
            .iter()
            .map(|job| tracing::info_span!(parent: &job.span, "infer", batch.size = jobs.len()))
            .collect();
        let inputs: Vec<&ModelInput> = jobs.iter().map(|job| &job.input).collect();
        // The jobs stay outside: whatever unwinds, their callers are answered.
        let outcome = catch_unwind(AssertUnwindSafe(|| attempt(&mut segmenter, &inputs)))
            .unwrap_or_else(|payload| Err(Fatal(format!("panicked: {}", message(&*payload)))));
        drop(passes);
        match outcome {
            Ok(films) => answer(jobs, films, cut),
            Err(Fatal(cause)) => {
                tracing::error!(batch.size = jobs.len(), error = %cause, "the segmenter is lost");
                queue.fail();
                for job in jobs {
                    job.answer(Err(EngineError::Stopped));
                }
                return;
            }
        }
    }
}

/// The device is lost, and why.
#[derive(Debug)]
struct Fatal(String);

/// Why a film has no map although the device is sound.
#[derive(Debug)]
enum FilmError {
    OutOfMemory,
    Failed(String),
}

/// What became of each film of a batch, in order.
type Films = Vec<Result<ProbabilityMap, FilmError>>;

fn answer(jobs: Vec<Job>, films: Films, cut: Instant) {
    let infer = cut.elapsed();
    let batch_size = jobs.len();
    for (job, film) in jobs.into_iter().zip(films) {
        let answer = match film {
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
        job.answer(answer);
    }
}

/// Runs a batch; halves it once where the device is out of memory.
fn attempt<S: Segmenter>(segmenter: &mut S, batch: &[&ModelInput]) -> Result<Films, Fatal> {
    match forward(segmenter, batch) {
        Err(SegmentError::OutOfMemory) if batch.len() > 1 => {
            tracing::warn!(batch.size = batch.len(), "out of memory, halving the batch");
            let (front, back) = batch.split_at(batch.len().div_ceil(2));
            let mut films = attempt_unhalved(segmenter, front)?;
            films.extend(attempt_unhalved(segmenter, back)?);
            Ok(films)
        }
        outcome => settle(segmenter, batch, outcome),
    }
}

fn attempt_unhalved<S: Segmenter>(
    segmenter: &mut S,
    batch: &[&ModelInput],
) -> Result<Films, Fatal> {
    let outcome = forward(segmenter, batch);
    settle(segmenter, batch, outcome)
}

/// Makes films of a pass that is not halved (again); after an ordinary failure each film runs alone, once.
fn settle<S: Segmenter>(
    segmenter: &mut S,
    batch: &[&ModelInput],
    outcome: Result<Vec<ProbabilityMap>, SegmentError>,
) -> Result<Films, Fatal> {
    match outcome {
        Err(SegmentError::Failed(cause)) => {
            tracing::warn!(batch.size = batch.len(), error = %cause, "batch failed, running each film alone");
            batch
                .iter()
                .map(|input| attempt_alone(segmenter, input))
                .collect()
        }
        Err(SegmentError::OutOfMemory) => {
            Ok(batch.iter().map(|_| Err(FilmError::OutOfMemory)).collect())
        }
        Err(SegmentError::Fatal(cause)) => Err(Fatal(cause)),
        Ok(maps) => Ok(maps.into_iter().map(Ok).collect()),
    }
}

fn attempt_alone<S: Segmenter>(
    segmenter: &mut S,
    input: &ModelInput,
) -> Result<Result<ProbabilityMap, FilmError>, Fatal> {
    match forward(segmenter, &[input]) {
        Ok(mut maps) => Ok(Ok(maps.pop().expect("a forward pass answers each plane"))),
        Err(SegmentError::OutOfMemory) => Ok(Err(FilmError::OutOfMemory)),
        Err(SegmentError::Failed(cause)) => Ok(Err(FilmError::Failed(cause))),
        Err(SegmentError::Fatal(cause)) => Err(Fatal(cause)),
    }
}

/// One forward pass; answers exactly one map per plane or fails.
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

/// What a panic said, where it said it in words.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Behaviour, FakeSegmenter, Passes};

    /// The films of a batch of `size` planes valued 0, 1/8, 2/8 and so on, and the passes they took.
    fn run(behaviour: Behaviour, size: u8) -> (Result<Films, Fatal>, Passes) {
        let planes: Vec<_> = (0..size)
            .map(|i| ModelInput::new(1, vec![f32::from(i) / 8.0]).unwrap())
            .collect();
        let mut segmenter = FakeSegmenter::new(behaviour);
        let films = attempt(&mut segmenter, &planes.iter().collect::<Vec<_>>());
        (films, segmenter.passes())
    }

    /// `v` for the right map, `m` for out of memory, `f` for failed, one letter per film.
    fn verdicts(films: &Films) -> String {
        let verdict = |(place, film): (usize, &Result<ProbabilityMap, FilmError>)| match film {
            Ok(map) if map.values() == [place as f32 / 8.0] => 'v',
            Ok(_) => '?',
            Err(FilmError::OutOfMemory) => 'm',
            Err(FilmError::Failed(_)) => 'f',
        };
        films.iter().enumerate().map(verdict).collect()
    }

    #[track_caller]
    fn assert_films(behaviour: Behaviour, size: u8, expected: &str, batch_sizes: &[usize]) {
        let (films, passes) = run(behaviour, size);
        assert_eq!(verdicts(&films.unwrap()), expected);
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
        let (films, passes) = run(Behaviour::Fatal, 3);
        assert!(films.is_err());
        assert_eq!(passes.batch_sizes(), [3]);
    }

    #[test]
    fn a_panic_is_quoted_where_it_has_words() {
        assert_eq!(message(&"literal"), "literal");
        assert_eq!(message(&String::from("formatted")), "formatted");
        assert_eq!(message(&7), "no message");
    }
}
