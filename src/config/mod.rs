//! Decides what the programs can be told: flags, environment variables, and what they mean to the floors below.

mod data;
mod evaluate;
mod serve;
mod train;

use clap::{Args, ValueEnum};

pub use self::data::{DataError, DataSettings};
pub use self::evaluate::EvaluateSettings;
pub use self::serve::ServeSettings;
pub use self::train::{SplitSettings, TrainSettings};

/// How a log is written.
#[derive(Clone, Debug, Args)]
pub struct LogSettings {
    /// The form of the log, which goes to standard error.
    #[arg(long, env = "LUNGFIELD_LOG_FORMAT", default_value = "human")]
    pub log_format: LogFormat,
    /// What is logged, as in `info` or `lungfield=debug,hyper=warn`.
    #[arg(long, env = "LUNGFIELD_LOG_FILTER", default_value = "info")]
    pub log_filter: String,
}

/// The form of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// A JSON object a line.
    Json,
}
