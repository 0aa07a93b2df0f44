//! Decides what `lungfield-serve` can be told, and what that means to the floors below.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Parser;

use lungfield_model::settings::{FilmSettings, ModelSettings};
use lungfield_support::flags::positive;
use lungfield_support::log::LogSettings;

use super::{AccessSettings, TraceSettings};
use crate::http::{ByteBudget, HttpOptions, UploadLimits};
use lungfield_engine::EngineOptions;
use lungfield_model::device::Placement;

/// Serves a model over HTTP: films in, lung masks out.
///
/// Every setting is a flag and an environment variable; a flag wins. Not a medical device.
#[derive(Clone, Debug, Parser)]
#[command(name = "lungfield-serve", version)]
pub struct ServeSettings {
    /// The address to listen on; port 0 picks a free port, which the log names.
    #[arg(long, env = "LUNGFIELD_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The model, and where it runs.
    #[command(flatten)]
    pub model: ModelSettings,
    /// The most films in a batch; by default 8 on CUDA, and 1 on the CPU, which is faster with one film at a time.
    #[arg(long, env = "LUNGFIELD_MAX_BATCH_SIZE")]
    pub max_batch_size: Option<NonZeroUsize>,
    /// How long a partial batch waits for more films while the device is free.
    #[arg(long, env = "LUNGFIELD_MAX_QUEUE_DELAY", default_value = "0ms", value_parser = humantime::parse_duration)]
    pub max_queue_delay: Duration,
    /// The most films that wait for the model; a further one is answered 503.
    #[arg(long, env = "LUNGFIELD_QUEUE_CAPACITY", default_value = "64")]
    pub queue_capacity: NonZeroUsize,
    /// The largest body of a request.
    #[arg(long, env = "LUNGFIELD_MAX_BODY", default_value = "64MiB", value_parser = positive)]
    pub max_body: u64,
    /// How films are decoded.
    #[command(flatten)]
    pub films: FilmSettings,
    /// The bytes of all bodies that are held at a time; a body that finds them spent is answered 503. Up to 4 GiB.
    #[arg(long, env = "LUNGFIELD_BYTE_BUDGET", default_value = "512MiB", value_parser = byte_budget)]
    pub byte_budget: ByteBudget,
    /// The bytes of all answers that are held until they have left; a film whose answer finds them spent is answered 503. Up to 4 GiB.
    #[arg(long, env = "LUNGFIELD_ANSWER_BUDGET", default_value = "256MiB", value_parser = byte_budget)]
    pub answer_budget: ByteBudget,
    /// The most connections at a time; further ones wait to be accepted.
    #[arg(long, env = "LUNGFIELD_MAX_CONNECTIONS", default_value = "1024")]
    pub max_connections: NonZeroUsize,
    /// How long the head of a request may take, and a connection may idle before it.
    #[arg(long, env = "LUNGFIELD_HEADER_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub header_timeout: Duration,
    /// How long the body of a request may take to arrive; then it is answered 408.
    #[arg(long, env = "LUNGFIELD_BODY_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub body_timeout: Duration,
    /// How long the next bytes of an answer may wait for their reader; then its connection is closed.
    #[arg(long, env = "LUNGFIELD_WRITE_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub write_timeout: Duration,
    /// How long an answer may take once the body is there; then it is 504.
    #[arg(long, env = "LUNGFIELD_REQUEST_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub request_timeout: Duration,
    /// How long requests are still served after SIGTERM while /health/ready says 503.
    #[arg(long, env = "LUNGFIELD_DRAIN_DELAY", default_value = "2s", value_parser = humantime::parse_duration)]
    pub drain_delay: Duration,
    /// How long requests in flight may take once the listener is closed.
    #[arg(long, env = "LUNGFIELD_DRAIN_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub drain_timeout: Duration,
    /// Start nothing: ask the server that runs with these settings whether it is ready, at its `--metrics-listen`. Exit code 0 says yes.
    #[arg(long)]
    pub health_check: bool,
    /// Who may ask, how, and what is written down of it.
    #[command(flatten)]
    pub access: AccessSettings,
    /// Where traces go.
    #[command(flatten)]
    pub traces: TraceSettings,
    /// How the log is written.
    #[command(flatten)]
    pub log: LogSettings,
}

impl ServeSettings {
    /// How films wait for the model, which runs there.
    #[must_use]
    pub fn engine_options(&self, placement: Placement) -> EngineOptions {
        EngineOptions {
            max_batch_size: self
                .max_batch_size
                .unwrap_or_else(|| placement.batch_size()),
            max_queue_delay: self.max_queue_delay,
            queue_capacity: self.queue_capacity,
        }
    }

    /// What callers may send.
    #[must_use]
    pub fn http_options(&self) -> HttpOptions {
        HttpOptions {
            max_body_bytes: self.max_body,
            byte_budget: self.byte_budget,
            answer_budget: self.answer_budget,
            write_timeout: self.write_timeout,
            body_timeout: self.body_timeout,
            request_timeout: self.request_timeout,
        }
    }

    /// What callers are told of the limits.
    #[must_use]
    pub fn upload_limits(&self) -> UploadLimits {
        UploadLimits {
            max_body_bytes: self.max_body,
            max_pixels: self.films.max_pixels,
        }
    }

    /// What no single setting shows: settings that contradict each other.
    pub fn check(&self) -> Result<(), String> {
        if self.byte_budget.bytes() < self.max_body {
            let (budget, body) = (self.byte_budget.bytes(), self.max_body);
            return Err(format!(
                "--byte-budget ({budget} bytes) is less than --max-body ({body} bytes)"
            ));
        }
        Ok(())
    }
}

fn byte_budget(text: &str) -> Result<ByteBudget, String> {
    ByteBudget::new(positive(text)?).ok_or_else(|| "it must be less than 4 GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use lungfield_support::flags::without_variable;

    fn parse(arguments: &[&str]) -> Result<ServeSettings, clap::Error> {
        ServeSettings::try_parse_from(
            std::iter::once("lungfield-serve").chain(arguments.iter().copied()),
        )
    }

    #[test]
    fn every_flag_is_a_variable_of_the_same_name() {
        assert_eq!(
            without_variable(&ServeSettings::command()),
            ["health-check"]
        );
    }

    #[test]
    fn defaults_are_those_of_the_design() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(
            (settings.max_body, settings.films.max_pixels),
            (64 << 20, 64_000_000)
        );
        assert_eq!(settings.max_queue_delay, Duration::ZERO);
        assert_eq!(settings.queue_capacity.get(), 64);
        let batch_size = |settings: ServeSettings| {
            settings
                .engine_options(Placement::cpu())
                .max_batch_size
                .get()
        };
        assert_eq!(batch_size(settings.clone()), 1);
        assert_eq!(batch_size(parse(&["--max-batch-size=5"]).unwrap()), 5);
        let model_threads = |flags: &[&str]| {
            parse(flags)
                .unwrap()
                .model
                .model_threads(Placement::cpu())
                .get()
        };
        assert_eq!(model_threads(&["--threads=3"]), 3);
        assert_eq!(model_threads(&["--threads=3", "--model-threads=2"]), 2);
        settings.check().unwrap();
    }

    #[test]
    fn bad_values_are_refused_with_their_flag() {
        for bad in [
            ["--max-batch-size", "0"],
            ["--queue-capacity", "-1"],
            ["--threads", "0"],
            ["--model-threads", "0"],
            ["--max-body", "0"],
            ["--max-body", "lots"],
            ["--byte-budget", "5GiB"],
            ["--answer-budget", "0"],
            ["--write-timeout", "later"],
            ["--device", "gpu"],
            ["--precision", "f64"],
            ["--request-timeout", "soon"],
            ["--listen", "8080"],
        ] {
            let error = parse(&[&format!("{}={}", bad[0], bad[1])])
                .unwrap_err()
                .to_string();
            assert!(error.contains(bad[0]), "{error}");
        }
    }

    #[test]
    fn a_budget_that_no_body_fits_is_refused() {
        assert!(parse(&["--byte-budget=1MiB"]).unwrap().check().is_err());
    }
}
