//! Times the forward pass, and the engine around it, on one device. `benches/forward/compare.py` compares it with PyTorch.
//!
//! Prints a line of JSON for each batch size. `pass_ms` is the time of a forward pass. `engine_ms` is the time of the same
//! planes through queue, batching and replies, from as many callers as fill two batches. Both are for one film, and
//! medians of the rounds.
#![expect(clippy::print_stdout, reason = "its output is the result")]

mod network;

use std::num::{NonZeroU16, NonZeroUsize};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use futures_util::future::join_all;
use lungfield_engine::{Engine, EngineOptions};
use lungfield_model::device::{DeviceChoice, Placement, PrecisionChoice, set_threads};
use lungfield_model::torch::TorchSegmenter;
use lungfield_radiograph::geometry::ModelInput;
use tch::TchError;

/// Times the forward pass of a SegNet of random weights.
#[derive(Parser)]
struct Options {
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// auto, f32, bf16 or f16.
    #[arg(long, default_value = "auto")]
    precision: PrecisionChoice,
    /// Threads on the CPU.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// The width of the network; 64 is the article's.
    #[arg(long, default_value = "16")]
    width: NonZeroU16,
    /// The side of the model's grid.
    #[arg(long, default_value = "384")]
    side: u32,
    /// Films in a batch.
    #[arg(long, value_delimiter = ',', default_value = "1,4")]
    batch_sizes: Vec<NonZeroUsize>,
    /// How often each is timed.
    #[arg(long, default_value = "15")]
    rounds: usize,
}

/// How long a caller waits. It is long, because a slow machine is not an error.
const CALLER_TIMEOUT: Duration = Duration::from_mins(10);
/// The batches that wait or run at a time when the engine is timed.
const BATCHES_AT_A_TIME: usize = 2;
/// The batches in a round of the engine.
const BATCHES: usize = 4;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let placement = Placement::resolve(options.device, options.precision)?;
    set_threads(options.threads);
    let film = network::film(options.side);
    for &batch_size in &options.batch_sizes {
        let pass = pass(&options, placement, &film, batch_size.get())?;
        let engine = engine(&options, placement, &film, batch_size)?;
        println!(
            r#"{{"device": "{}", "precision": "{}", "width": {}, "side": {}, "batch_size": {batch_size}, "pass_ms": {:.3}, "engine_ms": {:.3}}}"#,
            placement.device_name(),
            placement.precision(),
            options.width,
            options.side,
            milliseconds(pass) / batch_size.get() as f64,
            milliseconds(engine) / batch_size.get() as f64,
        );
    }
    Ok(())
}

/// Times one batch in the network alone.
fn pass(
    options: &Options,
    placement: Placement,
    film: &ModelInput,
    batch_size: usize,
) -> anyhow::Result<Duration> {
    let _guard = tch::no_grad_guard();
    let plan = network::plan(
        options.width,
        placement.device(),
        placement.precision().kind(),
    )?;
    let batch = vec![film; batch_size];
    median(options.rounds, || Ok(plan.segment(&batch).map(drop)?))
}

/// Times one batch in the engine, where other batches precede and follow it.
fn engine(
    options: &Options,
    placement: Placement,
    film: &ModelInput,
    batch_size: NonZeroUsize,
) -> anyhow::Result<Duration> {
    let films = batch_size.get() * BATCHES;
    let engine_options = EngineOptions {
        max_batch_size: batch_size,
        max_queue_delay: Duration::ZERO,
        queue_capacity: NonZeroUsize::new(films).context("a batch has films")?,
    };
    let width = options.width;
    let build = move || {
        let plan = network::plan(width, placement.device(), placement.precision().kind())?;
        Ok::<_, TchError>(TorchSegmenter::new(plan))
    };
    let engine = Engine::start(engine_options, [build])?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let callers = batch_size.get() * BATCHES_AT_A_TIME;
    let caller = async || -> anyhow::Result<()> {
        for _ in 0..films / callers {
            engine
                .reserve()?
                .segment(film.clone(), Instant::now() + CALLER_TIMEOUT)
                .await?;
        }
        Ok(())
    };
    let round = || {
        let outcomes = runtime.block_on(join_all((0..callers).map(|_| caller())));
        outcomes.into_iter().collect::<anyhow::Result<()>>()
    };
    let rounds = median(options.rounds, round)?;
    runtime.block_on(engine.drain());
    Ok(rounds / u32::try_from(BATCHES)?)
}

/// Returns the median time of `rounds` runs, after two that warm up.
fn median(rounds: usize, mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    run()?;
    run()?;
    let mut times = (0..rounds.max(1))
        .map(|_| {
            let started = Instant::now();
            run().map(|()| started.elapsed())
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    times.sort();
    Ok(times[times.len() / 2])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
