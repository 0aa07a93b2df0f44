//! Scores a model on the cases of one or several data sets.

mod run;
mod selection;

use clap::Parser;
use lungfield_training::settings::EvaluateSettings;

use self::run::evaluate;

fn main() -> anyhow::Result<()> {
    evaluate(&EvaluateSettings::parse(), &mut std::io::stdout().lock())
}
