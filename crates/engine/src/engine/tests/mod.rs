//! Tests of a whole engine with a fake segmenter.

mod failures;
mod queueing;
mod threads;

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;

use tokio::task::JoinSet;

use super::*;
use crate::fake::{Behaviour, FakeSegmenter, Gate, Passes};

const HOUR: Duration = Duration::from_hours(1);

fn options(max_batch_size: usize, queue_capacity: usize) -> EngineOptions {
    EngineOptions {
        max_batch_size: NonZeroUsize::new(max_batch_size).unwrap(),
        max_queue_delay: Duration::ZERO,
        queue_capacity: NonZeroUsize::new(queue_capacity).unwrap(),
    }
}

fn start(options: EngineOptions, segmenter: FakeSegmenter) -> Arc<Engine> {
    Arc::new(Engine::start(options, [move || Ok::<_, io::Error>(segmenter)]).unwrap())
}

fn plane(value: f32) -> ModelInput {
    ModelInput::new(2, vec![value; 4]).unwrap()
}

/// Puts a job in the queue now. `Place::segment` does so only when it is first polled.
fn submit(
    engine: &Engine,
    value: f32,
) -> impl Future<Output = Result<Segmented, EngineError>> + use<> {
    let reply = engine
        .queue
        .push(
            engine.queue.reserve().unwrap(),
            plane(value),
            Instant::now() + 2 * HOUR,
        )
        .unwrap();
    async { reply.await.unwrap() }
}

async fn segment(
    engine: &Engine,
    input: ModelInput,
    deadline: Instant,
) -> Result<Segmented, EngineError> {
    engine.reserve()?.segment(input, deadline).await
}

/// An engine whose device is busy with a film of value 0, which waits at the gate.
struct Busy {
    engine: Arc<Engine>,
    gate: Gate,
    passes: Passes,
    first: JoinSet<Result<Segmented, EngineError>>,
}

async fn busy(options: EngineOptions, behaviour: Behaviour) -> Busy {
    let (segmenter, mut gate) = FakeSegmenter::new(behaviour).gated();
    let passes = segmenter.passes();
    let engine = start(options, segmenter);
    let mut first = JoinSet::new();
    first.spawn(submit(&engine, 0.0));
    assert_eq!(gate.arrival().await, Some(1));
    Busy {
        engine,
        gate,
        passes,
        first,
    }
}

/// Starts an engine of two model threads, and returns the gates at which their films wait.
fn pair(behaviours: [Behaviour; 2]) -> (Arc<Engine>, [Gate; 2]) {
    let gated = behaviours.map(|behaviour| FakeSegmenter::new(behaviour).gated());
    let [(one, first), (other, second)] = gated;
    let builds = [one, other].map(|segmenter| move || Ok::<_, io::Error>(segmenter));
    (
        Arc::new(Engine::start(options(1, 64), builds).unwrap()),
        [first, second],
    )
}
