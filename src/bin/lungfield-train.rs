//! Trains a model on a data set and writes a model directory.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use lungfield::config::TrainSettings;
use lungfield::model::device::{Placement, PrecisionChoice};
use lungfield::preprocess::Preprocessor;
use lungfield::telemetry;
use lungfield::train::dataset::{Case, Split, cases};
use lungfield::train::export::Export;
use lungfield::train::learn::{Films, Learned, Progress, learn};
use lungfield::train::sample::{exams, samples};

fn main() -> anyhow::Result<()> {
    let settings = TrainSettings::parse();
    settings.check().map_err(anyhow::Error::msg)?;
    let options = settings.learn_options();
    let device = Placement::resolve(settings.device, PrecisionChoice::default())?.device();
    let preprocessor = Preprocessor::new(settings.preprocess_options())?;
    let training = cases(&settings.data, Split::Train)?;
    let films = Films {
        train: samples(&training, &preprocessor)?.into(),
        validation: exams(&cases(&settings.data, Split::Validation)?, &preprocessor)?,
    };
    fs_err::create_dir_all(&settings.out)?;
    let export = Export {
        name: settings.name.clone(),
        version: settings.model_version.clone(),
        license: settings.license.clone(),
        preprocessing: settings.preprocess_options(),
        cases: by_source(&training),
    };
    let mut report = Report::start(options.iterations);
    let (train, validation) = (films.train.len(), films.validation.len());
    report.progress.say(&format!("{train} films to train on, {validation} to validate on"));
    let mut keep = |learned: &Learned| -> anyhow::Result<()> {
        export.write(&settings.out, learned, &options).context("the best weights so far were not written")
    };
    learn(&options, &films, device, &mut |news| report.hear(&news), &mut keep)?;
    Ok(())
}

/// How many cases there are of each source.
fn by_source(cases: &[Case]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for case in cases {
        *counts.entry(case.source.clone()).or_default() += 1;
    }
    counts
}

/// What is shown of a run.
struct Report {
    progress: telemetry::Progress,
    started: Instant,
    /// The loss, smoothed over some fifty iterations.
    loss: f64,
}

impl Report {
    fn start(iterations: u32) -> Self {
        let progress = telemetry::Progress::start("iteration", u64::from(iterations));
        Self { progress, started: Instant::now(), loss: f64::NAN }
    }

    fn hear(&mut self, news: &Progress) {
        match *news {
            Progress::Step { iteration, loss, .. } => {
                self.loss = if self.loss.is_nan() { loss } else { self.loss * 0.98 + loss * 0.02 };
                self.progress.step(u64::from(iteration), &format!("loss {:.4}", self.loss));
            }
            Progress::Validated { iteration, mean_dice, lowest_dice, best } => {
                let minutes = self.started.elapsed().as_secs_f64() / 60.0;
                let kept = if best { ", kept" } else { "" };
                self.progress.say(&format!(
                    "validation at {iteration} ({minutes:.0} min): \
                     Dice mean {mean_dice:.4}, lowest {lowest_dice:.4}{kept}"
                ));
            }
        }
    }
}
