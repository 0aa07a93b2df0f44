//! Counts and times what the service does, and writes it for Prometheus.
//!
//! Events are recorded as they happen; the current state, such as the length of the queue, is read when metrics are written
//! ([`Standing`]). No label has a value that callers can choose freely: methods, routes, statuses and codes are lists.

mod standing;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use self::standing::Standing;
use lungfield_codec::ModelIdentity;
use lungfield_engine::pipeline::{Segmentation, Timings};
use lungfield_radiograph::lungs::Lung;
use lungfield_radiograph::warnings::Warning;

/// The media type of what [`Metrics::write`] writes.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The prefix of every name.
const PREFIX: &str = "lungfield";
/// Buckets in seconds, from a response without work to the default timeout of a request.
const REQUEST_SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Buckets in seconds, from a small film on a GPU to a large one on a busy CPU.
const STEP_SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];
/// Buckets of Dice, closer where good models differ.
const DICE: [f64; 11] = [0.5, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98];
/// Buckets of the share of a film that its lungs cover: 0.08 to 0.43 in the films that the shipped model was trained on.
const AREA_SHARE: [f64; 12] = [
    0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6,
];

/// The labels of the served model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelLabels {
    /// The model.
    pub identity: ModelIdentity,
    /// The device that it runs on.
    pub device: String,
    /// The numbers in which it computes.
    pub precision: &'static str,
}

impl EncodeLabelSet for ModelLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        [
            ("name", self.identity.name.as_str()),
            ("version", &self.identity.version),
            ("weights_sha256", &self.identity.weights_sha256),
            ("device", &self.device),
            ("precision", self.precision),
        ]
        .encode(encoder)
    }
}

/// The labels of an answered request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// A method that HTTP defines, or `other`.
    pub method: &'static str,
    /// The pattern of the path, or `unmatched`.
    pub route: &'static str,
    /// The status of the response.
    pub status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// The counters and histograms of a server. Shared by `Arc`; recording takes no more than a short lock.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    films: Films,
    audit_failures: Counter,
}

/// What is counted of requests and connections.
#[derive(Debug)]
struct Requests {
    duration: Family<RequestLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    connections: Gauge,
    problems: Family<Code, Counter>,
    departed: Counter,
}

/// What is measured on films.
#[derive(Debug)]
struct Films {
    decode: Histogram,
    queue: Histogram,
    infer: Histogram,
    encode: Histogram,
    dice: Histogram,
    area_share: Histogram,
    warnings: Family<Code, Counter>,
}

impl Requests {
    fn new(registry: &mut Registry) -> Self {
        Self {
            duration: seconds(
                registry,
                "http_request_duration",
                "From a request's head to its answer's head",
                Family::new_with_constructor(request_seconds as fn() -> Histogram),
            ),
            in_flight: plain(
                registry,
                "http_requests_in_flight",
                "Requests without an answer yet",
            ),
            connections: plain(
                registry,
                "connections",
                "Open connections, those of operators included",
            ),
            problems: plain(
                registry,
                "problems",
                "Requests answered with a problem, by its code",
            ),
            departed: plain(
                registry,
                "http_departed",
                "Requests whose caller left before the answer",
            ),
        }
    }
}

impl Films {
    fn new(registry: &mut Registry) -> Self {
        Self {
            decode: step(
                registry,
                "decode",
                "Decoding and preparing a film, waiting for a permit included",
            ),
            queue: step(registry, "queue_wait", "Waiting of a film for the model"),
            infer: step(registry, "infer", "The forward pass of a film's batch"),
            encode: step(
                registry,
                "encode",
                "Restoring and writing a mask, waiting for a permit included",
            ),
            dice: shares(
                registry,
                "dice",
                "Dice of films that came with a reference mask",
                &DICE,
            ),
            area_share: shares(
                registry,
                "lung_area_ratio",
                "Share of the film that its lungs cover",
                &AREA_SHARE,
            ),
            warnings: plain(
                registry,
                "warnings",
                "Films answered with a warning, by its code",
            ),
        }
    }
}

impl Metrics {
    /// Creates metrics at zero for a server of this model.
    #[must_use]
    pub fn new(model: ModelLabels) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let build = Build {
            version: env!("CARGO_PKG_VERSION"),
        };
        registry.register("build", "The program", Info::new(build));
        registry.register("model", "The model that is served", Info::new(model));
        Self {
            requests: Requests::new(&mut registry),
            films: Films::new(&mut registry),
            audit_failures: plain(
                &mut registry,
                "audit_failures",
                "Lines that the audit log did not take",
            ),
            registry,
        }
    }

    /// Records that the head of a request has arrived.
    pub fn request_came(&self) {
        self.requests.in_flight.inc();
    }

    /// Records a response, with the code of its problem where it is one.
    pub fn request_answered(
        &self,
        labels: RequestLabels,
        problem: Option<&'static str>,
        took: Duration,
    ) {
        self.requests.in_flight.dec();
        self.requests
            .duration
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        if let Some(code) = problem {
            self.requests.problems.get_or_create(&Code { code }).inc();
        }
    }

    /// Records that the caller of a request left before the response.
    pub fn request_departed(&self) {
        self.requests.in_flight.dec();
        self.requests.departed.inc();
    }

    /// Records that a connection was opened.
    pub fn connection_opened(&self) {
        self.requests.connections.inc();
    }

    /// Records that a connection was closed.
    pub fn connection_closed(&self) {
        self.requests.connections.dec();
    }

    /// Records that a line could not be written to the audit log.
    pub fn audit_failed(&self) {
        self.audit_failures.inc();
    }

    /// Records a segmented film: how long its steps took, and what was found on it.
    pub fn film_segmented(&self, segmentation: &Segmentation, timings: Timings) {
        let Timings {
            decode,
            queue,
            infer,
            encode,
        } = timings;
        let films = &self.films;
        films.decode.observe(decode.as_secs_f64());
        films.queue.observe(queue.as_secs_f64());
        films.infer.observe(infer.as_secs_f64());
        films.encode.observe(encode.as_secs_f64());
        if let Some(overlap) = segmentation.overlap {
            films.dice.observe(overlap.dice());
        }
        let area_px: u64 = segmentation.lungs.iter().map(Lung::area_px).sum();
        films
            .area_share
            .observe(area_px as f64 / segmentation.size.pixels() as f64);
        for code in segmentation.warnings.iter().copied().map(Warning::code) {
            films.warnings.get_or_create(&Code { code }).inc();
        }
    }

    /// Writes all metrics and the current state of the server as `OpenMetrics` text.
    #[must_use]
    pub fn write(&self, standing: &Standing) -> String {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &standing.registry(PREFIX)))
            .and_then(|()| encode_eof(&mut text))
            .expect("a string takes whatever is written to it");
        text
    }
}

fn request_seconds() -> Histogram {
    Histogram::new(REQUEST_SECONDS)
}

/// Registers a metric that begins at zero.
fn plain<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: prometheus_client::registry::Metric + Default + Clone,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// Registers a metric in seconds.
fn seconds<M>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M
where
    M: prometheus_client::registry::Metric + Clone,
{
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

/// Registers the histogram of a step.
fn step(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    seconds(registry, name, help, Histogram::new(STEP_SECONDS))
}

/// Registers the histogram of a share from 0 to 1.
fn shares(registry: &mut Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let histogram = Histogram::new(buckets.iter().copied());
    registry.register(name, help, histogram.clone());
    histogram
}
