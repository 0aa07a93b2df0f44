//! What every handler shares: the pipeline, the limits, the access rules and the metrics.

use std::sync::Arc;

use axum::http::HeaderValue;
use lungfield_engine::pipeline::Pipeline;
use tokio::sync::watch;

use super::middleware::audit::Audit;
use super::middleware::keys::Keys;
use super::model::ModelCard;
use super::request::admission::Phase;
use super::request::budget::Budget;
use crate::config::HttpSettings;
use crate::metrics::Metrics;

/// Who may use the API, from where, and what is logged of them. By default: everybody, from no page of a browser, and nothing.
#[derive(Debug, Default)]
pub struct Access {
    /// The API keys of which each request must show one, where the server has keys.
    pub keys: Option<watch::Receiver<Arc<Keys>>>,
    /// The origins whose pages may use the API.
    pub origins: Vec<HeaderValue>,
    /// Whether the server speaks only TLS, so that browsers can be told to use nothing else.
    pub tls: bool,
    /// The audit log.
    pub audit: Option<Audit>,
}

/// What every handler shares.
#[derive(Debug)]
pub struct App {
    pub(crate) access: Access,
    pub(crate) answers: Budget,
    pub(crate) budget: Budget,
    pub(crate) metrics: Metrics,
    pub(crate) model: ModelCard,
    pub(crate) options: HttpSettings,
    pub(crate) pipeline: Pipeline,
    phase: watch::Receiver<Phase>,
}

impl App {
    /// Creates an application around a running pipeline. `phase` says when the server stops.
    #[must_use]
    pub fn new(
        pipeline: Pipeline,
        options: HttpSettings,
        access: Access,
        model: ModelCard,
        phase: watch::Receiver<Phase>,
    ) -> Arc<Self> {
        Arc::new(Self {
            access,
            answers: Budget::new(options.answer_budget),
            budget: Budget::new(options.byte_budget),
            metrics: Metrics::new(model.labels()),
            model,
            options,
            pipeline,
            phase,
        })
    }

    /// Returns the pipeline, whose engine has a health and is drained.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Returns the metrics, to which the listener adds its connections.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the limits of a request and its response.
    #[must_use]
    pub fn options(&self) -> &HttpSettings {
        &self.options
    }

    /// Returns the phase of the server.
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }
}
