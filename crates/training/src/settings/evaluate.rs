//! Decides what `lungfield-evaluate` can be told.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;

use super::DataSettings;
use crate::train::dataset::Split;
use lungfield_model::device::{DeviceChoice, PrecisionChoice};
use lungfield_radiograph::mask::Threshold;

/// Scores a model on the cases of one or several data sets, and writes a report.
///
/// The model directory says which films the model was trained on, by their pixels: those are not scored unless told to.
#[derive(Clone, Debug, Parser)]
#[command(name = "lungfield-evaluate", version)]
pub struct EvaluateSettings {
    /// The model directory.
    #[arg(long, default_value = "models/lungfield-segnet", value_name = "FOLDER")]
    pub model: PathBuf,
    /// The films.
    #[command(flatten)]
    pub data: DataSettings,
    /// Which cases to score; unless given, those that the model was neither trained nor chosen on.
    #[arg(long)]
    pub split: Option<Split>,
    /// Score also what the model was trained on; such scores say little of films that it has not seen.
    #[arg(long)]
    pub allow_training_cases: bool,
    /// Write a report into this folder: report.html, report.json and cases.csv.
    #[arg(long, value_name = "FOLDER")]
    pub report: Option<PathBuf>,
    /// How many of the best and of the worst films the report shows.
    #[arg(long, default_value_t = 6)]
    pub pictures: usize,
    /// Where the model runs: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// The numbers in which it computes: auto, f32, bf16 or f16.
    #[arg(long, default_value = "auto")]
    pub precision: PrecisionChoice,
    /// Threads of the network on the CPU; all cores unless given.
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// Films in a batch; on the CPU they go through the network one by one all the same.
    #[arg(long, default_value = "8")]
    pub batch_size: NonZeroUsize,
    /// The probability from which on a pixel is lung; the model's own by default.
    #[arg(long)]
    pub threshold: Option<Threshold>,
    /// Print the score of every case too, as CSV lines before the table.
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
