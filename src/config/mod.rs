//! Decides what the programs can be told: flags, environment variables, and what they mean to the floors below.

mod access;
mod data;
mod evaluate;
mod model;
mod segment;
mod serve;
mod train;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use crate::mask::Threshold;

pub use self::access::{AccessSettings, MetricsListen};
pub use self::data::{DataError, DataSettings};
pub use self::evaluate::EvaluateSettings;
pub use self::model::{FilmSettings, ModelSettings};
pub use self::segment::SegmentSettings;
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

/// Where traces go.
#[derive(Clone, Debug, Args)]
pub struct TraceSettings {
    /// A collector to which traces are sent, by OTLP over HTTP, as in `http://127.0.0.1:4318`; by default they are not.
    #[arg(long, env = "LUNGFIELD_OTLP_ENDPOINT", value_name = "URL", value_parser = collector)]
    pub otlp_endpoint: Option<String>,
}

/// The address of a collector, completed to where it takes traces.
fn collector(text: &str) -> Result<String, String> {
    let base = text.trim_end_matches('/');
    match base.strip_prefix("http://") {
        Some(rest) if !rest.is_empty() => Ok(format!("{base}/v1/traces")),
        _ => Err("it is http:// and a host; a collector beside the server takes what is to be encrypted further on".to_owned()),
    }
}

/// A number above 0 with a unit: 64M, 64MiB, 1000.
fn positive(text: &str) -> Result<u64, String> {
    match text.parse::<ByteSize>()?.as_u64() {
        0 => Err("it must be more than 0".to_owned()),
        number => Ok(number),
    }
}

fn threshold(text: &str) -> Result<Threshold, String> {
    let value: f32 = text.parse().map_err(|error| format!("{error}"))?;
    Threshold::try_from(value).map_err(str::to_owned)
}

/// The form of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// A JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    /// Asserts that every flag of a command is a variable `LUNGFIELD_…` of the same name, but for some.
    #[track_caller]
    pub(super) fn assert_variables(command: &clap::Command, but_for: &[&str]) {
        for argument in command.get_arguments() {
            let Some(flag) = argument.get_long() else {
                continue;
            };
            if ["help", "version"].contains(&flag) || but_for.contains(&flag) {
                continue;
            }
            let expected = format!("LUNGFIELD_{}", flag.replace('-', "_").to_uppercase());
            let found = argument.get_env().and_then(|name| name.to_str());
            assert_eq!(found, Some(expected.as_str()), "--{flag}");
        }
    }
}
