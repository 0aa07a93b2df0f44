//! Sets up the log of a program, which goes to standard error.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// The flags of a program that say how its log is written.
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

/// A layer that receives the events and spans of the whole program beside the log.
pub type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Sets up the log of the whole process, and further layers beside it. Call it once.
///
/// # Errors
/// Where the filter of the settings can't be parsed.
pub fn init(
    settings: &LogSettings,
    further: impl IntoIterator<Item = BoxedLayer>,
) -> Result<(), ParseError> {
    // The DICOM parser warns of character sets by their values, which are a sender's.
    let filter = EnvFilter::builder()
        .parse(&settings.log_filter)?
        .add_directive("dicom_parser=off".parse()?);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match settings.log_format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
        LogFormat::Human => lines.with_ansi(io::stderr().is_terminal()).boxed(),
    };
    // A list, since an `Option` without a layer would enable every event.
    let layers: Vec<_> = std::iter::once(lines.with_filter(filter).boxed())
        .chain(further)
        .collect();
    tracing_subscriber::registry().with(layers).init();
    Ok(())
}

/// Logs where the process panicked, and nothing else: the message of a decoder's panic may quote an upload.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(panic.place = place, "something panicked");
    }));
}
