//! Scores a model on the cases of one or several data sets.

use clap::Parser;
use lungfield::config::EvaluateSettings;
use lungfield::scoring::evaluate;

fn main() -> anyhow::Result<()> {
    evaluate(&EvaluateSettings::parse(), &mut std::io::stdout().lock())
}
