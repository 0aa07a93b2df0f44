//! Decides how the pipeline is spoken to over HTTP.

mod admission;
mod answer;
mod audit;
mod deadline;
mod documents;
mod early;
mod headers;
mod health;
mod keys;
mod metrics;
mod model;
mod negotiate;
mod observe;
mod oip;
mod origins;
mod paced;
mod pages;
mod problem;
mod related;
mod request_id;
mod responder;
mod router;
mod routes;
mod sample;
mod segment;
mod upload;

use std::sync::Arc;

use axum::http::HeaderValue;
use tokio::sync::watch;

pub use self::admission::Phase;
pub use self::audit::{Audit, AuditKey, AuditSink};
pub use self::keys::{Keys, KeysError};
pub use self::metrics::operator_router;
pub use self::model::{License, ModelCard, UploadLimits};
pub use self::problem::CODES;
pub use self::router::router;
pub use self::routes::{PAGES, ROUTES};
use crate::config::HttpSettings;
use crate::metrics::Metrics;
use lungfield_engine::pipeline::Pipeline;

/// Who may ask, from where, and what is written down of it. By default: anybody, from no page of a browser, and nothing.
#[derive(Debug, Default)]
pub struct Access {
    /// The keys of which each request to the API must show one, where it must.
    pub keys: Option<watch::Receiver<Arc<Keys>>>,
    /// The origins whose pages may use the API.
    pub origins: Vec<HeaderValue>,
    /// Whether the server is reached by TLS alone, so that browsers may be told to ask no other way.
    pub tls: bool,
    /// The audit log.
    pub audit: Option<Audit>,
}

/// What every handler shares.
#[derive(Debug)]
pub struct App {
    pipeline: Pipeline,
    options: HttpSettings,
    access: Access,
    budget: admission::Budget,
    answers: admission::Budget,
    model: ModelCard,
    phase: watch::Receiver<Phase>,
    metrics: Metrics,
}

impl App {
    /// An application around a running pipeline; `phase` tells it when the server is about to end.
    #[must_use]
    pub fn new(
        pipeline: Pipeline,
        options: HttpSettings,
        access: Access,
        model: ModelCard,
        phase: watch::Receiver<Phase>,
    ) -> Arc<Self> {
        let budget = admission::Budget::new(options.byte_budget);
        let metrics = Metrics::new(model.labels());
        let answers = admission::Budget::new(options.answer_budget);
        Arc::new(Self {
            pipeline,
            options,
            access,
            budget,
            answers,
            model,
            phase,
            metrics,
        })
    }

    /// The pipeline, for its engine's health and end.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The limits of a request and its response.
    #[must_use]
    pub fn options(&self) -> &HttpSettings {
        &self.options
    }

    /// What is counted, for what happens below HTTP.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
