//! Decides how the programs speak: a log on standard error, and progress on a terminal or in plain lines.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::cryptography;

/// Where no terminal shows a bar, a line is written this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How a log is written.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions<'a> {
    /// A JSON object a line, instead of lines for people.
    pub json: bool,
    /// What is logged, as in `info` or `lungfield=debug,hyper=warn`.
    pub filter: &'a str,
    /// Where traces are sent, by OTLP over HTTP; the path is part of it.
    pub traces: Option<&'a str>,
}

/// Why a process can't say what it should.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// What is to be logged can't be understood.
    #[error(transparent)]
    Filter(#[from] ParseError),
    /// Traces can't be sent there.
    #[error(transparent)]
    Traces(#[from] ExporterBuildError),
}

/// What is sent in the background. Dropping it sends what is left, for at most a few seconds.
#[derive(Debug, Default)]
#[must_use]
pub struct Traces(Option<SdkTracerProvider>);

/// Sets the log up for the whole process, and traces where they are asked for. Call it once.
pub fn log(options: LogOptions<'_>) -> Result<Traces, TelemetryError> {
    // The parser of DICOM warns of character sets by their values, which are a sender's.
    let filter = EnvFilter::builder()
        .parse(options.filter)?
        .add_directive("dicom_parser=off".parse()?);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = if options.json {
        lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed()
    } else {
        lines.with_ansi(io::stderr().is_terminal()).boxed()
    };
    let provider = options.traces.map(provider).transpose()?;
    let spans = provider.as_ref().map(|provider| {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("lungfield"));
        // Whatever the log leaves out. What libraries say of themselves is none of our requests'.
        layer
            .with_filter(Targets::new().with_target("lungfield", LevelFilter::INFO))
            .boxed()
    });
    // A list, since a layer that is not there would count as one that wants everything.
    let layers: Vec<_> = std::iter::once(lines.with_filter(filter).boxed())
        .chain(spans)
        .collect();
    tracing_subscriber::registry().with(layers).init();
    Ok(Traces(provider))
}

/// Has the log say where something panicked, and nothing else: what a decoder says of it may quote what somebody sent.
pub fn hush_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(panic.place = place, "something panicked");
    }));
}

/// Sends spans in batches, from a thread of its own.
fn provider(endpoint: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    cryptography::install(); // its client wants one, also where it speaks plain HTTP
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(endpoint)
        .build()?;
    let resource = Resource::builder().with_service_name("lungfield").build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take() {
            let _ = provider.shutdown(); // the collector may be gone; the log says so where it is asked to
        }
    }
}

/// How far some work has come, with its rate and the time left: a bar on a terminal, now and then a line elsewhere.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: u64,
    /// Steps that were done before this work began.
    before: u64,
    done: u64,
    started: Instant,
    last_line: Instant,
}

impl Progress {
    /// Work of `total` steps, of which nothing is done. `what` names a step, as in "film".
    #[must_use]
    pub fn start(what: &'static str, total: u64) -> Self {
        Self::resume(what, total, 0)
    }

    /// Work of `total` steps, of which `done` were done at another time and don't count for the rate.
    #[must_use]
    pub fn resume(what: &'static str, total: u64, done: u64) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec}, {eta} left  {msg}");
            let style = style.expect("the template is well formed");
            ProgressBar::new(total)
                .with_position(done)
                .with_style(style)
        });
        let now = Instant::now();
        Self {
            bar,
            what,
            total,
            before: done,
            done,
            started: now,
            last_line: now,
        }
    }

    /// `done` steps are done; `remark` says something of the last.
    pub fn step(&mut self, done: u64, remark: &str) {
        self.done = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(remark.to_owned());
        } else if self.last_line.elapsed() >= LINE_EVERY || done == self.total {
            self.last_line = Instant::now();
            let rate = rate(done - self.before, self.started.elapsed());
            self.say(&line(self.what, (done, self.total), rate, remark));
        }
    }

    /// Says something that stays, above the bar.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // Nobody is left to tell where standard error is closed.
            None => drop(writeln!(io::stderr(), "{text}")),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Steps a second.
fn rate(steps: u64, elapsed: Duration) -> f64 {
    steps as f64 / elapsed.as_secs_f64().max(1e-9)
}

/// `film 30/70, 12.5/s, 3s left  remark`
fn line(what: &str, (done, total): (u64, u64), rate: f64, remark: &str) -> String {
    let left = Duration::from_secs_f64((total.saturating_sub(done)) as f64 / rate.max(1e-9));
    let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
    format!("{what} {done}/{total}, {rate:.1}/s, {left} left  {remark}")
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rate_and_time_left() {
        let text = line(
            "film",
            (30, 90),
            rate(30, Duration::from_secs(10)),
            "Dice 0.96",
        );
        assert_eq!(text, "film 30/90, 3.0/s, 20s left  Dice 0.96");
    }

    #[test]
    fn a_line_before_the_first_step_breaks_nothing() {
        assert!(line("film", (0, 10), rate(0, Duration::ZERO), "").starts_with("film 0/10"));
    }
}
