//! Decides what the programs can be told: flags, environment variables, and what they mean to the floors below.

mod access;
mod data;
mod evaluate;
mod serve;
mod train;

use clap::{Args, ValueEnum};

pub use self::access::{AccessSettings, MetricsListen};
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

/// The form of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// A JSON object a line.
    Json,
}
