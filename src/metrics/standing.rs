//! The current state of the server: the queue, the batches, the budgets of bytes, the process.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use lungfield_engine::{BatchCounts, EngineCounts};

/// Buckets of the size of a batch, from that on the CPU to more than the default on a GPU.
const BATCH_SIZES: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// The current state of a server, read when metrics are written.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Whether the server says that it is ready.
    pub ready: bool,
    /// Films that wait for the model.
    pub queue_depth: usize,
    /// Films that may wait for the model.
    pub queue_capacity: usize,
    /// What the engine has counted.
    pub counts: EngineCounts,
    /// The batches of the engine.
    pub batches: BatchCounts,
    /// Bytes of bodies that may be held.
    pub byte_budget: u64,
    /// Bytes of bodies that are held.
    pub byte_budget_used: u64,
    /// Bytes of answers that may be held.
    pub answer_budget: u64,
    /// Bytes of answers that are held.
    pub answer_budget_used: u64,
    /// Resident memory of the process, where it is known.
    pub resident_bytes: Option<u64>,
}

impl Standing {
    /// Registers the values, with `prefix` before the name of each that is not the process's own.
    pub(super) fn registry(&self, prefix: &str) -> Registry {
        let mut registry = Registry::default();
        if let Some(bytes) = self.resident_bytes {
            registry.register(
                "process_resident_memory_bytes",
                "Resident memory of the process",
                ConstGauge::new(bytes),
            );
        }
        let own = registry.sub_registry_with_prefix(prefix);
        for (name, help, value) in self.gauges() {
            own.register(name, help, ConstGauge::new(value));
        }
        for (name, help, value) in self.counters() {
            own.register(name, help, ConstCounter::new(value));
        }
        own.register_collector(Box::new(Batches(self.batches.clone())));
        registry
    }

    /// Returns the name, the help text and the value of each gauge.
    fn gauges(&self) -> [(&'static str, &'static str, u64); 7] {
        [
            (
                "ready",
                "1 where the server says that it is ready for films",
                u64::from(self.ready),
            ),
            (
                "queue_depth",
                "Films that wait for the model",
                self.queue_depth as u64,
            ),
            (
                "queue_capacity",
                "Films that may wait for the model",
                self.queue_capacity as u64,
            ),
            (
                "byte_budget_bytes",
                "Bytes of bodies that may be held at a time",
                self.byte_budget,
            ),
            (
                "byte_budget_used_bytes",
                "Bytes of bodies that are held",
                self.byte_budget_used,
            ),
            (
                "answer_budget_bytes",
                "Bytes of answers that may be held at a time",
                self.answer_budget,
            ),
            (
                "answer_budget_used_bytes",
                "Bytes of answers that are held",
                self.answer_budget_used,
            ),
        ]
    }

    /// Returns the name, the help text and the value of each counter.
    fn counters(&self) -> [(&'static str, &'static str, u64); 2] {
        [
            (
                "jobs_departed",
                "Films not segmented since their caller had left",
                self.counts.departed,
            ),
            (
                "jobs_expired",
                "Films not segmented since their deadline had passed",
                self.counts.expired,
            ),
        ]
    }
}

/// The batches, by size and by cause.
#[derive(Debug)]
struct Batches(BatchCounts);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

impl Collector for Batches {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let Self(batches) = self;
        let (sum, count) = batches
            .of_size
            .iter()
            .fold((0.0, 0), |(sum, count), (&size, &times)| {
                (sum + size as f64 * times as f64, count + times)
            });
        let mut sizes = encoder.encode_descriptor(
            "batch_size",
            "Films in a batch",
            None::<&Unit>,
            MetricType::Histogram,
        )?;
        sizes.encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets(batches), None)?;
        let help = "Batches, by what cut them";
        let mut causes = encoder.encode_descriptor("batches", help, None, MetricType::Counter)?;
        for (cause, &times) in &batches.by_cause {
            let label = CauseLabel {
                cause: cause.name(),
            };
            ConstCounter::new(times).encode(causes.encode_family(&label)?)?;
        }
        Ok(())
    }
}

/// Counts, for each bound, the batches that are no larger than it and larger than the one before. The last bound is infinite.
fn buckets(batches: &BatchCounts) -> Vec<(f64, u64)> {
    let bounds = BATCH_SIZES.into_iter().chain([f64::INFINITY]);
    let mut below = 0.0;
    bounds
        .map(|bound| {
            let within = batches
                .of_size
                .iter()
                .filter(|&(&size, _)| (size as f64) > below && size as f64 <= bound);
            let times = within.map(|(_, &times)| times).sum();
            below = bound;
            (bound, times)
        })
        .collect()
}
