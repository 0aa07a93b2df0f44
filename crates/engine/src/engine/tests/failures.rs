//! Tests of what callers receive when a batch or the device fails.

use super::*;

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
