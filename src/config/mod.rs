//! The flags and environment variables of `lungfield-serve`, and the options that they stand for.

mod access;
mod serve;

use clap::Args;

pub use self::access::{AccessSettings, MetricsListen};
pub use self::serve::ServeSettings;

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
