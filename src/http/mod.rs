//! Decides how the pipeline is spoken to over HTTP.

mod admission;
mod answer;
mod deadline;
mod documents;
mod early;
mod health;
mod metrics;
mod model;
mod negotiate;
mod observe;
mod problem;
mod router;
mod segment;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

pub use self::admission::{ByteBudget, Phase};
pub use self::model::{License, ModelCard, UploadLimits};
pub use self::problem::CODES;
pub use self::metrics::operator_router;
pub use self::router::{ROUTES, router};
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;

/// What a caller may send, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct HttpOptions {
    /// The largest body, in bytes.
    pub max_body_bytes: u64,
    /// The bytes of all bodies that are held at a time.
    pub byte_budget: ByteBudget,
    /// How long a body may take to arrive, from the request's head on.
    pub body_timeout: Duration,
    /// How long an answer may take, from the arrival of the whole body on.
    pub request_timeout: Duration,
}

/// What every handler shares.
#[derive(Debug)]
pub struct App {
    pipeline: Pipeline,
    options: HttpOptions,
    budget: admission::Budget,
    model: ModelCard,
    phase: watch::Receiver<Phase>,
    metrics: Metrics,
}

impl App {
    /// An application around a running pipeline; `phase` tells it when the server is about to end.
    #[must_use]
    pub fn new(
        pipeline: Pipeline,
        options: HttpOptions,
        model: ModelCard,
        phase: watch::Receiver<Phase>,
    ) -> Arc<Self> {
        let budget = admission::Budget::new(options.byte_budget);
        let metrics = Metrics::new(model.labels());
        Arc::new(Self { pipeline, options, budget, model, phase, metrics })
    }

    /// The pipeline, for its engine's health and end.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// What is counted, for what happens below HTTP.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
