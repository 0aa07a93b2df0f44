//! The settings of `lungfield-serve` except those of access.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, Parser};
use lungfield_engine::EngineOptions;
use lungfield_model::LoadOptions;
use lungfield_model::device::DeviceError;
use lungfield_model::settings::{FilmSettings, ModelSettings};
use lungfield_support::flags::positive;
use lungfield_support::log::LogSettings;

#[cfg(feature = "otlp")]
use super::TraceSettings;
use super::{AccessSettings, ByteBudget};

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
    /// The limits of a request and its response.
    #[command(flatten)]
    pub http: HttpSettings,
    /// How films are decoded.
    #[command(flatten)]
    pub films: FilmSettings,
    /// The limits of connections, and how the server stops.
    #[command(flatten)]
    pub connections: ListenSettings,
    /// Start nothing: ask the server that runs with these settings whether it is ready, at its `--metrics-listen`. Exit code 0 says yes.
    #[arg(long, display_order = 110)]
    pub health_check: bool,
    /// Who may send requests, how, and what is logged of them.
    #[command(flatten)]
    pub access: AccessSettings,
    /// Where traces are sent.
    #[cfg(feature = "otlp")]
    #[command(flatten)]
    pub traces: TraceSettings,
    /// How the log is written.
    #[command(flatten)]
    pub log: LogSettings,
}

/// The limits of a request and its response.
///
/// Together with those of [`ListenSettings`], `--help` lists them in the order in which a request meets them (`display_order`).
#[derive(Clone, Debug, Args)]
pub struct HttpSettings {
    /// The largest body of a request.
    #[arg(
        long = "max-body",
        id = "max_body",
        value_name = "MAX_BODY",
        env = "LUNGFIELD_MAX_BODY",
        default_value = "64MiB",
        value_parser = positive
    )]
    pub max_body_bytes: u64,
    /// The bytes of all bodies that are held at a time; a body that finds them spent is answered 503. Up to 4 GiB.
    #[arg(
        long,
        display_order = 101,
        env = "LUNGFIELD_BYTE_BUDGET",
        default_value = "512MiB"
    )]
    pub byte_budget: ByteBudget,
    /// The bytes of all answers that are held until they have left; a film whose answer finds them spent is answered 503. Up to 4 GiB.
    #[arg(
        long,
        display_order = 102,
        env = "LUNGFIELD_ANSWER_BUDGET",
        default_value = "256MiB"
    )]
    pub answer_budget: ByteBudget,
    /// How long the body of a request may take to arrive; then it is answered 408.
    #[arg(long, display_order = 105, env = "LUNGFIELD_BODY_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub body_timeout: Duration,
    /// How long the next bytes of an answer may wait for their reader; then its connection is closed.
    #[arg(long, display_order = 106, env = "LUNGFIELD_WRITE_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub write_timeout: Duration,
    /// How long an answer may take once the body is there; then it is 504.
    #[arg(long, display_order = 107, env = "LUNGFIELD_REQUEST_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub request_timeout: Duration,
}

/// The limits of connections, and how the server stops.
#[derive(Clone, Debug, Args)]
pub struct ListenSettings {
    /// The most connections at a time; further ones wait to be accepted.
    #[arg(
        long,
        display_order = 103,
        env = "LUNGFIELD_MAX_CONNECTIONS",
        default_value = "1024"
    )]
    pub max_connections: NonZeroUsize,
    /// How long the head of a request may take, and a connection may idle before it.
    #[arg(long, display_order = 104, env = "LUNGFIELD_HEADER_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub header_timeout: Duration,
    /// How long requests are still served after SIGTERM while /health/ready says 503.
    #[arg(long, display_order = 108, env = "LUNGFIELD_DRAIN_DELAY", default_value = "2s", value_parser = humantime::parse_duration)]
    pub drain_delay: Duration,
    /// How long requests in flight may take once the listener is closed.
    #[arg(long, display_order = 109, env = "LUNGFIELD_DRAIN_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub drain_timeout: Duration,
}

impl ServeSettings {
    /// Finds the device, and returns the options of the pipeline.
    ///
    /// # Errors
    /// Returns an error where the device is not there.
    pub fn load_options(&self) -> Result<LoadOptions, DeviceError> {
        let defaults = self.model.load_options(&self.films)?;
        let engine = EngineOptions {
            max_batch_size: self
                .max_batch_size
                .unwrap_or(defaults.engine.max_batch_size),
            max_queue_delay: self.max_queue_delay,
            queue_capacity: self.queue_capacity,
        };
        Ok(LoadOptions { engine, ..defaults })
    }

    /// Checks what no single setting shows.
    ///
    /// # Errors
    /// Where settings contradict each other, with a text that names their flags.
    pub fn check(&self) -> Result<(), String> {
        let (budget, body) = (self.http.byte_budget.bytes(), self.http.max_body_bytes);
        if budget < body {
            return Err(format!(
                "--byte-budget ({budget} bytes) is less than --max-body ({body} bytes)"
            ));
        }
        Ok(())
    }
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
            (settings.http.max_body_bytes, settings.films.max_pixels),
            (64 << 20, 64_000_000)
        );
        assert_eq!(settings.max_queue_delay, Duration::ZERO);
        assert_eq!(settings.queue_capacity.get(), 64);
        settings.check().unwrap();
    }

    #[test]
    fn flags_go_before_what_suits_the_device() {
        let options = |flags: &[&str]| {
            let on_the_cpu = ["--device=cpu", "--precision=f32", "--threads=3"];
            let settings = parse(&[&on_the_cpu, flags].concat()).unwrap();
            settings.load_options().unwrap()
        };
        assert_eq!(options(&[]).engine.max_batch_size.get(), 1);
        let larger = options(&["--max-batch-size=5"]);
        assert_eq!(larger.engine.max_batch_size.get(), 5);
        assert_eq!(options(&[]).model_threads.get(), 3);
        assert_eq!(options(&["--model-threads=2"]).model_threads.get(), 2);
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
