//! Runs `lungfield-evaluate`: settings → cases → scores → table and report.

use std::io::Write;
use std::time::Instant;

use crate::selection::Selection;
use lungfield_model::device::{self, Placement};
use lungfield_model::manifest::Manifest;
use lungfield_model::torch::TorchSegmenter;
use lungfield_support::progress::Progress;
use lungfield_training::dataset::Case;
use lungfield_training::evaluation::evaluator::Evaluator;
use lungfield_training::evaluation::measure::ScoredCase;
use lungfield_training::evaluation::report::thumbnail::{Thumbnail, choose};
use lungfield_training::evaluation::report::{self, ModelFacts, Report};
use lungfield_training::evaluation::summary::Summary;
use lungfield_training::evaluation::warning_counts::WarningCounts;
use lungfield_training::settings::EvaluateSettings;

/// Scores the cases that `settings` name, and prints the table to `out`.
pub(crate) fn evaluate(settings: &EvaluateSettings, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(threads) = settings.threads {
        device::set_threads(threads);
    }
    let manifest = Manifest::read(&settings.model)?;
    let selection = Selection::read(settings)?;
    let placement = Placement::resolve(settings.device, settings.precision)?;
    let mut segmenter = TorchSegmenter::load(&settings.model, &manifest, placement)?;
    let preprocessor = manifest.preprocessor()?;
    let mut evaluator = Evaluator {
        segmenter: &mut segmenter,
        preprocessor: &preprocessor,
        threshold: settings.threshold.unwrap_or(manifest.threshold),
    };
    let started = Instant::now();
    let films = score(&mut evaluator, &selection.cases, settings)?;
    if settings.cases {
        write_cases(out, &films)?;
    }
    if let Some(remark) = &selection.remark {
        writeln!(out, "{remark}")?;
    }
    write!(out, "{}", Summary::of(&films))?;
    writeln!(out, "films with warnings: {}", WarningCounts::of(&films))?;
    writeln!(out, "took {:.1} s", started.elapsed().as_secs_f64())?;
    if let Some(folder) = &settings.report {
        let chosen = choose(&films, settings.pictures);
        let report = Report {
            model: ModelFacts::new(&manifest, placement, evaluator.threshold),
            data: selection.facts(settings),
            best: thumbnails(&mut evaluator, &selection.cases, &films, &chosen.best)?,
            worst: thumbnails(&mut evaluator, &selection.cases, &films, &chosen.worst)?,
            films,
        };
        report::write(&report, folder)?;
        writeln!(out, "the report is {}", folder.join(report::PAGE).display())?;
    }
    Ok(())
}

fn score(
    evaluator: &mut Evaluator<'_>,
    cases: &[Case],
    settings: &EvaluateSettings,
) -> anyhow::Result<Vec<ScoredCase>> {
    let mut progress = Progress::start("film", cases.len() as u64);
    let mut on_progress = |done: usize| progress.step(done as u64, "");
    Ok(evaluator.score(cases, settings.batch_size, &mut on_progress)?)
}

/// Draws the thumbnails of the films with the given indices.
fn thumbnails(
    evaluator: &mut Evaluator<'_>,
    cases: &[Case],
    films: &[ScoredCase],
    indices: &[usize],
) -> anyhow::Result<Vec<Thumbnail>> {
    let mut thumbnails = Vec::with_capacity(indices.len());
    for &index in indices {
        let segmented = evaluator.segment(&cases[index])?;
        thumbnails.push(Thumbnail::draw(&films[index], &segmented)?);
    }
    Ok(thumbnails)
}

/// Prints the scores of every case as CSV.
fn write_cases(out: &mut dyn Write, films: &[ScoredCase]) -> anyhow::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(["case", "source", "dice", "jaccard"])?;
    for film in films {
        let overlap = film.measures.overlap;
        let (dice, jaccard) = (
            format!("{:.6}", overlap.dice()),
            format!("{:.6}", overlap.jaccard()),
        );
        table.write_record([&film.case, &film.source, &dice, &jaccard])?;
    }
    table.flush()?;
    Ok(())
}
