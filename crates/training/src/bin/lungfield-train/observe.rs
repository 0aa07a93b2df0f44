//! Shows the progress of a training run, and writes its journal, its model directory and its checkpoints.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::films::Films;
use super::run::RECORDS;
use lungfield_support::progress::Progress;
use lungfield_training::settings::TrainSettings;
use lungfield_training::train::checkpoint::{self, Setup};
use lungfield_training::train::export::Export;
use lungfield_training::train::journal::{Journal, StepRecord, ValidationRecord};
use lungfield_training::train::learn::{
    BestValidation, Run, Step, TrainingObserver, ValidatedWeights,
};

/// The number of iterations that one record sums up.
const WINDOW: u32 = 10;

/// The observer of a run: it shows progress, and writes the journal, the model directory and the checkpoint.
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
    started: Instant,
}

/// The steps since the last record.
#[derive(Debug, Default)]
struct Window {
    iterations: u32,
    loss: f64,
    duration: Duration,
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
            started: Instant::now(),
        })
    }

    /// Prints what is about to begin.
    pub(super) fn greet(&self, run: &Run, films: &Films) {
        let (train, validation) = (films.data.train.len(), films.data.validation.len());
        self.progress.say(&format!(
            "{train} films to train on, {validation} to validate on"
        ));
        if let Some(remark) = &films.remark {
            self.progress.say(remark);
        }
        if run.iteration() > 0 {
            self.progress
                .say(&format!("resuming from iteration {}", run.iteration()));
        }
    }

    /// Prints how the run ended, and closes the journal.
    pub(super) fn finish(self, run: &Run) -> anyhow::Result<()> {
        self.journal
            .finish()
            .context("the record of the run was not written")?;
        if !run.is_finished() {
            let iteration = run.iteration();
            self.progress.say(&format!(
                "stopped after iteration {iteration}; --resume continues from there"
            ));
        } else if let Some(BestValidation {
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
        self.duration += step.duration;
        self.waited += step.waited;
    }

    /// Sums up the steps, of which `last` is the last.
    fn record(&self, last: &Step, batch_size: usize) -> StepRecord {
        let seconds = self.duration.as_secs_f64().max(1e-9);
        StepRecord {
            iteration: last.iteration,
            loss: self.loss / f64::from(self.iterations.max(1)),
            learning_rate: last.learning_rate,
            images_per_second: f64::from(self.iterations) * batch_size as f64 / seconds,
            wait_share: self.waited.as_secs_f64() / seconds,
        }
    }
}

impl TrainingObserver for Recorder {
    type Error = anyhow::Error;

    fn after_step(&mut self, step: &Step) -> anyhow::Result<()> {
        self.window.add(step);
        let record = self.window.record(step, self.setup.recipe.batch_size);
        let remark = step_text(&record, self.last_dice);
        self.progress.step(u64::from(step.iteration), &remark);
        if step.iteration.is_multiple_of(WINDOW) {
            self.journal
                .step(&record)
                .context("the record of the run was not written")?;
            self.window = Window::default();
        }
        Ok(())
    }

    fn after_validation(
        &mut self,
        validated: ValidatedWeights,
        is_best: bool,
    ) -> anyhow::Result<()> {
        let record = ValidationRecord {
            iteration: validated.iteration,
            mean_dice: validated.validation.mean_dice(),
            lowest_dice: validated.validation.lowest_dice(),
            best: is_best,
            by_source: validated.validation.by_source(),
            seconds: validated.duration.as_secs_f64(),
        };
        self.last_dice = Some(record.mean_dice);
        self.progress
            .say(&validation_text(&record, self.started.elapsed()));
        self.journal
            .validation(&record)
            .context("the record of the run was not written")?;
        if is_best {
            let written = self.export.write(&self.out, &validated, &self.setup.recipe);
            written.context("the best weights so far were not written")?;
        }
        Ok(())
    }

    fn after_iteration(&mut self, run: &Run) -> anyhow::Result<ControlFlow<()>> {
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

fn step_text(record: &StepRecord, last_dice: Option<f64>) -> String {
    let dice = last_dice.map_or(String::new(), |dice| format!(", Dice {dice:.4}"));
    let (rate, wait) = (record.images_per_second, 100.0 * record.wait_share);
    format!(
        "loss {:.4}{dice}, {rate:.1} images/s, waited {wait:.1} %",
        record.loss
    )
}

fn validation_text(record: &ValidationRecord, elapsed: Duration) -> String {
    let ValidationRecord {
        iteration,
        mean_dice,
        lowest_dice,
        by_source,
        best,
        ..
    } = record;
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

/// Prints the setup of a run to standard output.
pub(super) fn describe(setup: &Setup, films: &Films) {
    let setup = serde_json::to_string_pretty(setup).expect("numbers and names are JSON");
    let count = films.data.train.len();
    let remark = films
        .remark
        .as_ref()
        .map_or(String::new(), |remark| format!("{remark}\n"));
    // If standard output is closed, nobody reads the text.
    drop(writeln!(
        io::stdout(),
        "{setup}\n{remark}{count} films to train on"
    ));
}
