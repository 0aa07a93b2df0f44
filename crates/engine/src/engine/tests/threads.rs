//! Tests of how model threads start, share the queue, and end.

use std::rc::Rc;
use std::thread::{self, ThreadId};

use super::*;
use crate::segmenter::{SegmentError, Segmenter};

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

/// A segmenter that must stay on one thread, as a network on a device does.
struct ThreadBound(Rc<ThreadId>);

impl Segmenter for ThreadBound {
    fn segment(&mut self, _: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, SegmentError> {
        assert_eq!(*self.0, thread::current().id());
        Ok(vec![ProbabilityMap::new(0, Vec::new()).unwrap()])
    }
}

#[tokio::test]
async fn a_segmenter_is_built_and_run_on_the_model_thread() {
    let build = || Ok::<_, io::Error>(ThreadBound(Rc::new(thread::current().id())));
    let engine = Engine::start(options(2, 64), [build]).unwrap();
    assert!(
        segment(&engine, plane(0.5), Instant::now() + HOUR)
            .await
            .is_ok()
    );
    engine.drain().await;
    assert_eq!(*engine.health().borrow(), Health::Draining);
}

#[tokio::test]
async fn several_model_threads_run_films_side_by_side() {
    let (engine, mut gates) = pair([Behaviour::Echo, Behaviour::Echo]);
    let jobs = [0.25, 0.5].map(|value| submit(&engine, value));
    // Both wait at a gate before either has passed.
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
