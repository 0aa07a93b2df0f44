//! Decides what is shown, recorded and kept of a run as it goes.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::films::Loaded;
use super::run::RECORDS;
use lungfield_support::progress::Progress;
use lungfield_training::settings::TrainSettings;
use lungfield_training::train::checkpoint::{self, Setup};
use lungfield_training::train::export::Export;
use lungfield_training::train::journal::{self, Journal};
use lungfield_training::train::learn::{Best, Follower, Learned, Run, Step};

/// Iterations that a line of the records sums up.
const WINDOW: u32 = 10;

/// The follower of a run: a progress bar, the records, the model directory and the checkpoint.
pub(super) struct Recorder {
    progress: Progress,
    journal: Journal,
    export: Export,
    setup: Setup,
    out: PathBuf,
    checkpoint_every: u32,
    stop: Arc<AtomicBool>,
    window: Window,
    last_dice: Option<f64>,
    began: Instant,
}

/// What the iterations since the last line of the records came to.
#[derive(Debug, Default)]
struct Window {
    iterations: u32,
    loss: f64,
    took: Duration,
    waited: Duration,
}

impl Recorder {
    pub(super) fn start(
        settings: &TrainSettings,
        setup: Setup,
        export: Export,
        run: &Run,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<Self> {
        let journal = Journal::open(&settings.out.join(RECORDS), run.iteration());
        let total = u64::from(setup.recipe.iterations);
        Ok(Self {
            progress: Progress::resume("iteration", total, u64::from(run.iteration())),
            journal: journal.context("the record of the run can't be written")?,
            export,
            setup,
            out: settings.out.clone(),
            checkpoint_every: settings.checkpoint_every.get(),
            stop,
            window: Window::default(),
            last_dice: run.best().map(|best| best.mean_dice),
            began: Instant::now(),
        })
    }

    /// Says what is about to begin.
    pub(super) fn greet(&self, run: &Run, loaded: &Loaded) {
        let (train, validation) = (loaded.films.train.len(), loaded.films.validation.len());
        self.progress.say(&format!(
            "{train} films to train on, {validation} to validate on"
        ));
        if let Some(remark) = &loaded.remark {
            self.progress.say(remark);
        }
        if run.iteration() > 0 {
            self.progress
                .say(&format!("going on from iteration {}", run.iteration()));
        }
    }

    /// Says how the run ended, once it has, and closes its record.
    pub(super) fn finish(self, run: &Run) -> anyhow::Result<()> {
        self.journal
            .finish()
            .context("the record of the run was not written")?;
        if !run.is_finished() {
            let iteration = run.iteration();
            self.progress.say(&format!(
                "stopped after iteration {iteration}; --resume goes on from there"
            ));
        } else if let Some(Best {
            iteration,
            mean_dice,
        }) = run.best()
        {
            let out = self.out.display();
            self.progress.say(&format!(
                "the best, Dice {mean_dice:.4} after iteration {iteration}, is in {out}"
            ));
        }
        Ok(())
    }
}

impl Window {
    fn add(&mut self, step: &Step) {
        self.iterations += 1;
        self.loss += step.loss;
        self.took += step.took;
        self.waited += step.waited;
    }

    /// The window as a line of the records, ended by `last`.
    fn sum_up(&self, last: &Step, batch_size: usize) -> journal::Step {
        let seconds = self.took.as_secs_f64().max(1e-9);
        journal::Step {
            iteration: last.iteration,
            loss: self.loss / f64::from(self.iterations.max(1)),
            learning_rate: last.learning_rate,
            images_per_second: f64::from(self.iterations) * batch_size as f64 / seconds,
            wait_share: self.waited.as_secs_f64() / seconds,
        }
    }
}

impl Follower for Recorder {
    type Error = anyhow::Error;

    fn step(&mut self, step: &Step) -> anyhow::Result<()> {
        self.window.add(step);
        let sum = self.window.sum_up(step, self.setup.recipe.batch_size);
        let dice = self
            .last_dice
            .map_or(String::new(), |dice| format!(", Dice {dice:.4}"));
        let (rate, wait) = (sum.images_per_second, 100.0 * sum.wait_share);
        let remark = format!(
            "loss {:.4}{dice}, {rate:.1} images/s, waited {wait:.1} %",
            sum.loss
        );
        self.progress.step(u64::from(step.iteration), &remark);
        if step.iteration.is_multiple_of(WINDOW) {
            self.journal
                .step(&sum)
                .context("the record of the run was not written")?;
            self.window = Window::default();
        }
        Ok(())
    }

    fn validated(&mut self, learned: Learned, best: bool) -> anyhow::Result<()> {
        let validated = journal::Validated {
            iteration: learned.iteration,
            mean_dice: learned.validation.mean_dice(),
            lowest_dice: learned.validation.lowest_dice(),
            best,
            by_source: learned.validation.by_source(),
            seconds: learned.took.as_secs_f64(),
        };
        self.last_dice = Some(validated.mean_dice);
        self.progress
            .say(&in_words(&validated, self.began.elapsed()));
        self.journal
            .validated(&validated)
            .context("the record of the run was not written")?;
        if best {
            let written = self.export.write(&self.out, &learned, &self.setup.recipe);
            written.context("the best weights so far were not written")?;
        }
        Ok(())
    }

    fn moment(&mut self, run: &Run) -> anyhow::Result<ControlFlow<()>> {
        let ends = self.stop.load(Ordering::Relaxed) || run.is_finished();
        if ends || run.iteration().is_multiple_of(self.checkpoint_every) {
            let written = checkpoint::write(&self.out.join(RECORDS), run, &self.setup);
            written.context("the checkpoint was not written")?;
        }
        Ok(if ends {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }
}

fn in_words(validated: &journal::Validated, elapsed: Duration) -> String {
    let journal::Validated {
        iteration,
        mean_dice,
        lowest_dice,
        by_source,
        best,
        ..
    } = validated;
    let minutes = elapsed.as_secs_f64() / 60.0;
    let sources: Vec<_> = by_source
        .iter()
        .map(|(source, dice)| format!("{source} {dice:.4}"))
        .collect();
    let sources = sources.join(", ");
    let kept = if *best { ", kept" } else { "" };
    format!(
        "validation at {iteration} ({minutes:.0} min): Dice mean {mean_dice:.4}, lowest {lowest_dice:.4}, {sources}{kept}"
    )
}

/// Says what a run would be.
pub(super) fn describe(setup: &Setup, loaded: &Loaded) {
    let recipe = serde_json::to_string_pretty(setup).expect("numbers and names are JSON");
    let films = loaded.films.train.len();
    let remark = loaded
        .remark
        .as_ref()
        .map_or(String::new(), |remark| format!("{remark}\n"));
    // Nobody is left to tell where standard output is closed.
    drop(writeln!(
        io::stdout(),
        "{recipe}\n{remark}{films} films to train on"
    ));
}
