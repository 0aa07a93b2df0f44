//! The flags of `lungfield-evaluate`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;

use super::DataSettings;
use crate::dataset::Split;
use lungfield_model::device::{DeviceChoice, PrecisionChoice};
use lungfield_radiograph::mask::Threshold;

/// Scores a model on the cases of one or several data sets, and writes a report.
///
/// The model directory lists the films that the model was trained on, by their pixels. They are not scored unless --allow-training-cases is given.
#[derive(Clone, Debug, Parser)]
#[command(name = "lungfield-evaluate", version)]
pub struct EvaluateSettings {
    /// The model directory.
    #[arg(long, default_value = "models/lungfield-segnet", value_name = "FOLDER")]
    pub model: PathBuf,
    /// The data sets.
    #[command(flatten)]
    pub data: DataSettings,
    /// The split to score; unless given, the cases that the model was neither trained nor chosen on.
    #[arg(long)]
    pub split: Option<Split>,
    /// Also score films that the model was trained on; such scores say little about new films.
    #[arg(long)]
    pub allow_training_cases: bool,
    /// Write a report into this folder: report.html, report.json and cases.csv.
    #[arg(long, value_name = "FOLDER")]
    pub report: Option<PathBuf>,
    /// The number of best films, and of worst films, that the report shows.
    #[arg(long, default_value_t = 6)]
    pub pictures: usize,
    /// Where the model runs: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// The precision of the model: auto, f32, bf16 or f16.
    #[arg(long, default_value = "auto")]
    pub precision: PrecisionChoice,
    /// Threads of the network on the CPU; all cores unless given.
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// The number of films in a batch; on the CPU the network takes them one by one anyway.
    #[arg(long, default_value = "8")]
    pub batch_size: NonZeroUsize,
    /// The lowest probability of lung; the threshold of the model unless given.
    #[arg(long)]
    pub threshold: Option<Threshold>,
    /// Also print the scores of every case, as CSV lines before the table.
    #[arg(long)]
    pub cases: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_out_of_range_is_refused() {
        let parse = |value: &str| {
            EvaluateSettings::try_parse_from(["x", "--data", "d", "--threshold", value])
        };
        assert!(parse("0.4").is_ok());
        for bad in ["0", "1", "nan", "half"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
