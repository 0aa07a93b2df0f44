//! Tests of the queue and the batches of a whole engine.

use super::*;

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
