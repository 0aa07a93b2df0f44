//! Decides how an evaluation is put together: settings → cases that may be scored → scores → table and report.

use std::io::Write;
use std::time::{Instant, SystemTime};

use anyhow::{bail, ensure};

use lungfield_model::device::{self, Placement};
use lungfield_model::manifest::{Manifest, Network};
use lungfield_model::torch::{self, TorchSegmenter};
use lungfield_radiograph::mask::Threshold;
use lungfield_support::progress::Progress;
use lungfield_training::dataset::SplitTable;
use lungfield_training::dataset::{Case, Split, read_all};
use lungfield_training::evaluation::measure::Scored;
use lungfield_training::evaluation::report::picture::{Picture, choose};
use lungfield_training::evaluation::report::{self, DataFacts, ModelFacts, Report};
use lungfield_training::evaluation::score::Examinee;
use lungfield_training::evaluation::summary::Summary;
use lungfield_training::evaluation::warned::Warned;
use lungfield_training::settings::EvaluateSettings;

/// Scores as `settings` say, and prints the table to `out`.
pub(crate) fn evaluate(settings: &EvaluateSettings, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(threads) = settings.threads {
        device::set_threads(threads);
    }
    let manifest = Manifest::read(&settings.model)?;
    let chosen = Chosen::read(settings)?;
    let placement = Placement::resolve(settings.device, settings.precision)?;
    let mut segmenter = TorchSegmenter::new(torch::load(&settings.model, &manifest, placement)?);
    let threshold = settings.threshold.unwrap_or(manifest.threshold);
    let preprocessor = manifest.preprocessor()?;
    let mut examinee = Examinee {
        segmenter: &mut segmenter,
        preprocessor: &preprocessor,
        threshold,
    };
    let started = Instant::now();
    let mut progress = Progress::start("film", chosen.cases.len() as u64);
    let mut observe = |done: usize| progress.step(done as u64, "");
    let films = examinee.score(&chosen.cases, settings.batch_size, &mut observe)?;
    drop(progress);
    if settings.cases {
        write_cases(out, &films)?;
    }
    if let Some(remark) = &chosen.remark {
        writeln!(out, "{remark}")?;
    }
    write!(out, "{}", Summary::of(&films))?;
    writeln!(out, "films with warnings: {}", Warned::of(&films))?;
    writeln!(out, "took {:.1} s", started.elapsed().as_secs_f64())?;
    if let Some(folder) = &settings.report {
        let (best, worst) = pictures(&mut examinee, &chosen.cases, &films, settings.pictures)?;
        let model = model_facts(&manifest, placement, threshold);
        report::write(
            &Report {
                model,
                data: chosen.facts(settings),
                films,
                best,
                worst,
            },
            folder,
        )?;
        writeln!(out, "the report is {}", folder.join(report::PAGE).display())?;
    }
    Ok(())
}

/// The cases to score.
struct Chosen {
    cases: Vec<Case>,
    /// What a user should know of the list that they are chosen from.
    remark: Option<String>,
    left_out: usize,
    training_included: bool,
}

impl Chosen {
    fn read(settings: &EvaluateSettings) -> anyhow::Result<Self> {
        let listed = settings.data.cases()?;
        let (remark, left_out, cases) = (listed.remark(), listed.left_out.len(), listed.cases);
        let digests = read_all(&cases, |_, _, _| ())?;
        let table = SplitTable::read(&settings.model)?;
        let seen = |index: usize| match &table {
            Some(table) => table
                .split_of(&digests[index].digest, &cases[index])
                .map_or(Seen::Never, Seen::As),
            None => Seen::Unknown,
        };
        let is_asked =
            |&(index, case): &(usize, &Case)| is_asked(settings.split, seen(index), case.split);
        let asked: Vec<_> = cases.iter().enumerate().filter(is_asked).collect();
        let trained = asked
            .iter()
            .filter(|(index, _)| seen(*index) == Seen::As(Split::Train))
            .count();
        if trained > 0 && !settings.allow_training_cases {
            bail!(
                "the model was trained on {trained} of the {} films that would be scored; leave them out, or ask for it \
                 by --allow-training-cases",
                asked.len()
            );
        }
        ensure!(!asked.is_empty(), "{}", nothing(settings.split));
        let cases = asked.into_iter().map(|(_, case)| case.clone()).collect();
        Ok(Self {
            cases,
            remark,
            left_out,
            training_included: trained > 0,
        })
    }

    fn facts(&self, settings: &EvaluateSettings) -> DataFacts {
        let name = |folder: &std::path::PathBuf| {
            folder.file_name().map_or_else(
                || folder.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            )
        };
        let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        DataFacts {
            folders: settings.data.data.iter().map(name).collect(),
            split: settings
                .split
                .map_or("unseen".to_owned(), |split| split.to_string()),
            date: today.split('T').next().unwrap_or_default().to_owned(),
            without_reference: self.left_out,
            training_included: self.training_included,
        }
    }
}

/// What a model used a film for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// It, or another film of its patient, was in this split.
    As(Split),
    /// Neither it nor its patient was there.
    Never,
    /// The model keeps no record.
    Unknown,
}

/// Whether a case is asked for, given what the model used it for and what its data set has it for.
///
/// What the model knows goes before what the data set says; a case that both have for different things is asked for
/// by either, so that a film which was trained on can't be left out of a test unnoticed. Where no split is wanted, a film
/// that the model has a record of never having seen is scored, whatever another run would use it for.
fn is_asked(wanted: Option<Split>, seen: Seen, listed: Option<Split>) -> bool {
    match (wanted, seen) {
        (Some(wanted), seen) => seen == Seen::As(wanted) || listed == Some(wanted),
        (None, Seen::As(split)) => split == Split::Test,
        (None, Seen::Never) => true,
        (None, Seen::Unknown) => listed.is_none_or(|listed| listed == Split::Test),
    }
}

fn nothing(wanted: Option<Split>) -> String {
    match wanted {
        Some(split) => format!("the data has no {split} case"),
        None => "the data has no case that the model was neither trained nor chosen on".to_owned(),
    }
}

fn pictures(
    examinee: &mut Examinee<'_>,
    cases: &[Case],
    films: &[Scored],
    count: usize,
) -> anyhow::Result<(Vec<Picture>, Vec<Picture>)> {
    let (best, worst) = choose(films, count);
    let mut draw = |indices: Vec<usize>| {
        let pictures = indices
            .into_iter()
            .map(|index| examinee.picture(&cases[index], &films[index]));
        pictures.collect::<Result<Vec<_>, _>>()
    };
    Ok((draw(best)?, draw(worst)?))
}

fn model_facts(manifest: &Manifest, placement: Placement, threshold: Threshold) -> ModelFacts {
    let Network::SegNet { width } = manifest.network;
    let precision = serde_json::to_value(placement.precision()).expect("a precision is a word");
    ModelFacts {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        weights_sha256: manifest.weights_sha256.clone(),
        license: manifest.license.clone(),
        network_width: width.get(),
        side: manifest.preprocessing.side,
        flip_averaging: manifest.flip_averaging,
        threshold,
        precision: precision.as_str().unwrap_or_default().to_owned(),
        device: placement.device_name(),
    }
}

fn write_cases(out: &mut dyn Write, films: &[Scored]) -> anyhow::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(["case", "source", "dice", "jaccard"])?;
    for Scored {
        case,
        source,
        measures,
        ..
    } in films
    {
        let overlap = measures.overlap;
        let (dice, jaccard) = (
            format!("{:.6}", overlap.dice()),
            format!("{:.6}", overlap.jaccard()),
        );
        table.write_record([case, source, &dice, &jaccard])?;
    }
    table.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unless_told_otherwise_what_the_model_has_not_seen_is_scored() {
        let seen = |split, listed| is_asked(None, Seen::As(split), listed);
        assert!(
            seen(Split::Test, Some(Split::Train)),
            "the model knows better than a list"
        );
        assert!(!seen(Split::Train, Some(Split::Test)) && !seen(Split::Validation, None));
        let never = |listed| is_asked(None, Seen::Never, listed);
        assert!(
            never(None) && never(Some(Split::Train)),
            "films of another hospital"
        );
        let unknown = |listed| is_asked(None, Seen::Unknown, listed);
        assert!(unknown(None) && unknown(Some(Split::Test)) && !unknown(Some(Split::Train)));
    }

    #[test]
    fn a_film_that_was_trained_on_is_not_left_out_of_a_test_unnoticed() {
        let test = |seen, listed| is_asked(Some(Split::Test), seen, listed);
        assert!(test(Seen::As(Split::Train), Some(Split::Test)));
        assert!(test(Seen::As(Split::Test), None) && test(Seen::Unknown, Some(Split::Test)));
        assert!(!test(Seen::As(Split::Validation), Some(Split::Train)) && !test(Seen::Never, None));
    }
}
