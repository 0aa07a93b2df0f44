//! Decides, by claims, what callers may expect of a whole engine over a fake segmenter.

use std::future::Future;
use std::io;

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

/// Puts a job in the queue now, where `Engine::segment` does so when first polled.
fn submit(
    engine: &Engine,
    value: f32,
) -> impl Future<Output = Result<Segmented, EngineError>> + use<> {
    let answer = engine
        .queue
        .push(
            engine.queue.reserve().unwrap(),
            plane(value),
            Instant::now() + 2 * HOUR,
        )
        .unwrap();
    async { answer.await.unwrap() }
}

async fn segment(
    engine: &Engine,
    input: ModelInput,
    deadline: Instant,
) -> Result<Segmented, EngineError> {
    engine.reserve()?.segment(input, deadline).await
}

/// An engine whose device is busy with a film of value 0 that stands at the gate.
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

#[tokio::test]
async fn a_film_comes_back_with_its_map_and_timings() {
    let engine = start(options(8, 64), FakeSegmenter::new(Behaviour::Echo));
    let segmented = segment(&engine, plane(0.5), Instant::now() + HOUR)
        .await
        .unwrap();
    assert_eq!(segmented.map.values(), [0.5; 4]);
    assert_eq!(segmented.batch_size, 1);
    assert_eq!(
        engine.counts(),
        EngineCounts {
            batches: 1,
            jobs: 1,
            ..EngineCounts::default()
        }
    );
}

#[tokio::test]
async fn a_full_queue_refuses_instead_of_waiting() {
    let Busy { engine, gate, .. } = busy(options(1, 2), Behaviour::Echo).await;
    let waiting = [submit(&engine, 0.25), submit(&engine, 0.5)];
    assert!(engine.is_full());
    let refused = segment(&engine, plane(0.75), Instant::now() + HOUR).await;
    assert_eq!(refused, Err(EngineError::Overloaded));
    assert_eq!(engine.queue_depth(), 2);
    drop(gate);
    for job in waiting {
        assert!(job.await.is_ok());
    }
    assert!(!engine.is_full());
}

#[tokio::test]
async fn batches_form_while_the_device_is_busy_and_keep_to_their_limit() {
    let Busy {
        engine,
        gate,
        passes,
        ..
    } = busy(options(4, 64), Behaviour::Echo).await;
    let values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    let waiting = values.map(|value| submit(&engine, value));
    drop(gate);
    let mut batch_sizes = Vec::new();
    for (job, value) in waiting.into_iter().zip(values) {
        let segmented = job.await.unwrap();
        assert_eq!(segmented.map.values(), [value; 4]);
        batch_sizes.push(segmented.batch_size);
    }
    assert_eq!(batch_sizes, [4, 4, 4, 4, 2, 2]);
    assert_eq!(passes.marks(), [&[0.0][..], &values[..4], &values[4..]]);
}

#[tokio::test]
async fn departed_callers_cost_no_forward_pass_and_take_no_place_in_a_batch() {
    let Busy {
        engine,
        gate,
        passes,
        ..
    } = busy(options(2, 64), Behaviour::Echo).await;
    drop(submit(&engine, 0.1));
    let first = submit(&engine, 0.2);
    drop(submit(&engine, 0.3));
    let second = submit(&engine, 0.4);
    drop(gate);
    assert_eq!(first.await.unwrap().batch_size, 2);
    assert!(second.await.is_ok());
    assert_eq!(passes.marks(), [&[0.0][..], &[0.2, 0.4]]);
    assert_eq!(engine.counts().departed, 2);
}

#[tokio::test]
async fn an_expired_job_is_answered_and_never_run() {
    let Busy {
        engine,
        gate,
        passes,
        ..
    } = busy(options(2, 64), Behaviour::Echo).await;
    let expired = engine
        .queue
        .push(engine.queue.reserve().unwrap(), plane(0.1), Instant::now())
        .unwrap();
    let live = submit(&engine, 0.2);
    drop(gate);
    assert_eq!(expired.await.unwrap(), Err(EngineError::DeadlineExceeded));
    assert!(live.await.is_ok());
    assert_eq!(passes.marks(), [[0.0], [0.2]]);
    assert_eq!(engine.counts().expired, 1);
}

#[tokio::test]
async fn a_caller_stops_waiting_at_its_deadline_though_the_device_is_busy() {
    let Busy { engine, gate, .. } = busy(options(2, 64), Behaviour::Echo).await;
    let late = segment(&engine, plane(0.5), Instant::now()).await;
    assert_eq!(late, Err(EngineError::DeadlineExceeded));
    drop(gate);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_64_concurrent_callers_gets_its_own_map() {
    let engine = start(options(8, 64), FakeSegmenter::new(Behaviour::Echo));
    let mut callers = JoinSet::new();
    for caller in 0_u8..64 {
        let engine = Arc::clone(&engine);
        callers.spawn(async move {
            for round in 0_u8..8 {
                let value = (f32::from(caller) + f32::from(round) / 8.0) / 64.0;
                let segmented = segment(&engine, plane(value), Instant::now() + HOUR)
                    .await
                    .unwrap();
                assert_eq!(segmented.map.values(), [value; 4]);
                assert!((1..=8).contains(&segmented.batch_size));
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert_eq!(engine.counts().jobs, 64 * 8);
}

#[tokio::test]
async fn out_of_memory_answers_the_films_that_do_not_fit_and_the_engine_lives() {
    let Busy { engine, gate, .. } = busy(options(6, 64), Behaviour::OutOfMemoryAbove(2)).await;
    let six = [0.1; 6].map(|value| submit(&engine, value));
    drop(gate);
    for job in six {
        assert_eq!(job.await, Err(EngineError::OutOfMemory));
    }
    assert!(submit(&engine, 0.5).await.is_ok());
}

#[tokio::test]
async fn a_poisonous_film_fails_alone_and_the_engine_lives() {
    let Busy { engine, gate, .. } = busy(options(3, 64), Behaviour::FailOn(0.5)).await;
    let [before, poison, after] = [0.25, 0.5, 0.75].map(|value| submit(&engine, value));
    drop(gate);
    assert_eq!(before.await.unwrap().map.values(), [0.25; 4]);
    assert_eq!(poison.await, Err(EngineError::Failed));
    assert_eq!(after.await.unwrap().map.values(), [0.75; 4]);
    assert_eq!(*engine.health().borrow(), Health::Running);
}

#[tokio::test]
async fn a_lost_device_and_a_panic_answer_everyone_and_end_the_engine() {
    for behaviour in [Behaviour::Fatal, Behaviour::Panic] {
        let Busy {
            engine,
            mut gate,
            passes,
            mut first,
        } = busy(options(2, 64), behaviour).await;
        let mut health = engine.health();
        assert_eq!(*health.borrow_and_update(), Health::Running);
        let waiting = [0.1, 0.2, 0.3].map(|value| submit(&engine, value));
        gate.let_one_through();
        assert_eq!(
            first.join_next().await.unwrap().unwrap(),
            Err(EngineError::Stopped)
        );
        for job in waiting {
            assert_eq!(job.await, Err(EngineError::Stopped));
        }
        assert_eq!(
            *health
                .wait_for(|&health| health != Health::Running)
                .await
                .unwrap(),
            Health::Failed
        );
        assert_eq!(
            segment(&engine, plane(0.5), Instant::now() + HOUR).await,
            Err(EngineError::Stopped)
        );
        assert_eq!(gate.arrival().await, None, "the segmenter is gone");
        engine.drain().await;
        assert_eq!(
            (passes.batch_sizes(), *health.borrow()),
            (vec![1], Health::Failed)
        );
    }
}

#[tokio::test]
async fn a_drain_answers_all_that_wait_and_refuses_what_comes() {
    let Busy {
        engine,
        mut gate,
        passes,
        mut first,
    } = busy(options(2, 64), Behaviour::Echo).await;
    let waiting = [0.1, 0.2, 0.3].map(|value| submit(&engine, value));
    let mut health = engine.health();
    let drained = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.drain().await }
    });
    health
        .wait_for(|&health| health == Health::Draining)
        .await
        .unwrap();
    assert_eq!(
        segment(&engine, plane(0.5), Instant::now() + HOUR).await,
        Err(EngineError::Draining)
    );
    assert!(!drained.is_finished());
    for _ in 0..3 {
        gate.let_one_through();
    }
    assert!(first.join_next().await.unwrap().unwrap().is_ok());
    for job in waiting {
        assert!(job.await.is_ok());
    }
    drained.await.unwrap();
    assert_eq!(passes.batch_sizes(), [1, 2, 1]);
    assert!(engine.threads.lock().unwrap().is_empty());
    engine.drain().await;
    while gate.arrival().await.is_some() {}
}

#[tokio::test]
async fn a_partial_batch_waits_for_mates_and_a_full_one_does_not() {
    let patient = EngineOptions {
        max_queue_delay: HOUR,
        ..options(3, 64)
    };
    let engine = start(patient, FakeSegmenter::new(Behaviour::Echo));
    let full = [0.1, 0.2, 0.3].map(|value| submit(&engine, value));
    for job in full {
        assert_eq!(job.await.unwrap().batch_size, 3);
    }
    let partial = [0.4, 0.5].map(|value| submit(&engine, value));
    engine.close();
    for job in partial {
        assert_eq!(job.await.unwrap().batch_size, 2);
    }
}

#[tokio::test]
async fn dropping_the_engine_ends_the_model_thread() {
    let (segmenter, mut gate) = FakeSegmenter::new(Behaviour::Echo).gated();
    drop(start(options(2, 64), segmenter));
    assert_eq!(gate.arrival().await, None);
}

#[test]
fn a_segmenter_that_cannot_be_built_is_reported_by_start() {
    let failed = Engine::start(
        options(2, 64),
        [|| Err::<FakeSegmenter, _>(io::Error::other("no weights"))],
    );
    assert!(matches!(failed, Err(StartError::Build(error)) if error.to_string() == "no weights"));
    let panicked = Engine::start(
        options(2, 64),
        [|| -> Result<FakeSegmenter, io::Error> { panic!("no device") }],
    );
    assert!(matches!(panicked, Err(StartError::Panicked)));
}

/// A segmenter that lives and dies on one thread, as a network on a device does.
struct Homebound(std::rc::Rc<thread::ThreadId>);

impl Segmenter for Homebound {
    fn segment(
        &mut self,
        _: &[&ModelInput],
    ) -> Result<Vec<ProbabilityMap>, crate::segmenter::SegmentError> {
        assert_eq!(*self.0, thread::current().id());
        Ok(vec![ProbabilityMap::new(0, Vec::new()).unwrap()])
    }
}

#[tokio::test]
async fn a_segmenter_is_built_and_run_on_the_model_thread() {
    let build = || Ok::<_, io::Error>(Homebound(std::rc::Rc::new(thread::current().id())));
    let engine = Engine::start(options(2, 64), [build]).unwrap();
    assert!(
        segment(&engine, plane(0.5), Instant::now() + HOUR)
            .await
            .is_ok()
    );
    engine.drain().await;
    assert_eq!(*engine.health().borrow(), Health::Draining);
}

/// An engine of two model threads, and the gates at which their films stand.
fn pair(behaviours: [Behaviour; 2]) -> (Arc<Engine>, [Gate; 2]) {
    let gated = behaviours.map(|behaviour| FakeSegmenter::new(behaviour).gated());
    let [(one, first), (other, second)] = gated;
    let builds = [one, other].map(|segmenter| move || Ok::<_, io::Error>(segmenter));
    (
        Arc::new(Engine::start(options(1, 64), builds).unwrap()),
        [first, second],
    )
}

#[tokio::test]
async fn several_model_threads_run_films_side_by_side() {
    let (engine, mut gates) = pair([Behaviour::Echo, Behaviour::Echo]);
    let jobs = [0.25, 0.5].map(|value| submit(&engine, value));
    // Both stand at a gate before either has passed.
    for gate in &mut gates {
        assert_eq!(gate.arrival().await, Some(1));
    }
    drop(gates);
    for (value, job) in [0.25, 0.5].into_iter().zip(jobs) {
        assert_eq!(job.await.unwrap().map.values(), [value; 4]);
    }
    engine.drain().await;
    assert_eq!(*engine.health().borrow(), Health::Draining);
}

#[tokio::test]
async fn several_model_threads_can_share_one_queue() {
    let builds = [0, 1].map(|_| || Ok::<_, io::Error>(FakeSegmenter::new(Behaviour::Echo)));
    let engine = Engine::start(options(3, 64), builds).unwrap();
    let answers: Vec<_> = (0_u8..50)
        .map(|i| submit(&engine, f32::from(i) / 64.0))
        .collect();
    for (i, answer) in (0_u8..).zip(answers) {
        assert_eq!(answer.await.unwrap().map.values(), [f32::from(i) / 64.0; 4]);
    }
    engine.drain().await;
}

#[tokio::test]
async fn a_lost_model_thread_ends_the_others_too() {
    let (engine, gates) = pair([Behaviour::Fatal, Behaviour::Fatal]);
    drop(gates);
    assert_eq!(
        segment(&engine, plane(0.5), Instant::now() + HOUR).await,
        Err(EngineError::Stopped)
    );
    engine.drain().await;
    assert_eq!(*engine.health().borrow(), Health::Failed);
}

#[test]
fn a_segmenter_that_cannot_be_built_ends_those_that_can() {
    let build = |whole: bool| {
        move || {
            whole
                .then(|| FakeSegmenter::new(Behaviour::Echo))
                .ok_or_else(|| io::Error::other("no weights"))
        }
    };
    let failed = Engine::start(options(2, 64), [build(true), build(false)]);
    assert!(matches!(failed, Err(StartError::Build(_))));
}
