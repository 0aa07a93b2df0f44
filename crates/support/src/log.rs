//! Sets up the log of a program, which is written to standard error.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// The flags of a program's log.
///
/// # Examples
/// ```
/// use clap::Parser;
/// use lungfield_support::log::{LogFormat, LogSettings};
///
/// #[derive(Parser)]
/// struct Settings {
///     #[command(flatten)]
///     log: LogSettings,
/// }
///
/// let settings = Settings::parse_from(["program", "--log-format=json"]);
/// assert_eq!(settings.log.log_format, LogFormat::Json);
/// assert_eq!(settings.log.log_filter, "info");
/// ```
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

/// A layer that receives all events and spans of the program, whatever the log's filter is.
pub type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Sets up the log of the process, and `further` layers beside it. Call it once.
///
/// # Errors
/// Returns an error where the filter in `settings` can't be parsed.
///
/// # Examples
/// ```
/// use lungfield_support::log::{self, LogFormat, LogSettings};
///
/// let settings = |filter: &str| LogSettings {
///     log_format: LogFormat::Human,
///     log_filter: filter.to_owned(),
/// };
/// assert!(log::init(&settings("loud=everything"), []).is_err());
/// log::init(&settings("warn"), [])?;
/// # Ok::<_, tracing_subscriber::filter::ParseError>(())
/// ```
pub fn init(
    settings: &LogSettings,
    further: impl IntoIterator<Item = BoxedLayer>,
) -> Result<(), ParseError> {
    // The warnings of the DICOM parser quote character sets, which are text from the sender.
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
    // In a list, because an `Option` without a layer would enable every event.
    let layers: Vec<_> = std::iter::once(lines.with_filter(filter).boxed())
        .chain(further)
        .collect();
    tracing_subscriber::registry().with(layers).init();
    Ok(())
}

/// Makes a panic log its place in the source, and not its message: the message of a decoder's panic may quote an upload.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(panic.place = place, "something panicked");
    }));
}
