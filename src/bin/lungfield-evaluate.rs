//! Scores a model on the cases of a data set.

use std::io::Write;
use std::time::Instant;

use clap::Parser;
use lungfield::config::EvaluateSettings;
use lungfield::evaluation::score::{Score, score};
use lungfield::evaluation::summary::Summary;
use lungfield::model::device::Placement;
use lungfield::model::manifest::Manifest;
use lungfield::model::torch::TorchSegmenter;
use lungfield::telemetry::Progress;
use lungfield::train::dataset::cases;

fn main() -> anyhow::Result<()> {
    let settings = EvaluateSettings::parse();
    let manifest = Manifest::read(&settings.model)?;
    let preprocessor = manifest.preprocessor()?;
    let threshold = settings.threshold.unwrap_or(manifest.threshold);
    let cases = cases(&settings.data, settings.split)?;
    let placement = Placement::resolve(settings.device, settings.precision)?;
    let mut segmenter = TorchSegmenter::load(&settings.model, &manifest, placement)?;
    let started = Instant::now();
    let mut progress = Progress::start("film", cases.len() as u64);
    let mut observe = |done: usize| progress.step(done as u64, "");
    let scores =
        score(&mut segmenter, (&preprocessor, threshold), &cases, settings.batch_size, &mut observe)?;
    drop(progress);
    let mut out = std::io::stdout().lock();
    if settings.cases {
        write_cases(&mut out, &scores)?;
    }
    write!(out, "{}", Summary::of(&scores))?;
    writeln!(out, "took {:.1} s", started.elapsed().as_secs_f64())?;
    Ok(())
}

fn write_cases(out: &mut impl Write, scores: &[Score]) -> anyhow::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(["case", "source", "dice", "jaccard"])?;
    for Score { case, source, overlap } in scores {
        let (dice, jaccard) = (format!("{:.6}", overlap.dice()), format!("{:.6}", overlap.jaccard()));
        table.write_record([case, source, &dice, &jaccard])?;
    }
    table.flush()?;
    Ok(())
}
