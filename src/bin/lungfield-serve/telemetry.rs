//! Sets up the log and, where the feature `otlp` is on, the traces of the process.

use clap::error::ErrorKind;
use lungfield::config::ServeSettings;
#[cfg(feature = "otlp")]
use lungfield::telemetry::Traces;
use lungfield_support::log::{self, BoxedLayer};

use crate::exit_with_usage;

/// What is sent out of the process. Dropping it sends the spans that are left, for at most a few seconds.
pub(crate) struct Telemetry {
    #[cfg(feature = "otlp")]
    traces: Option<Traces>,
}

/// Sets up log and traces. A filter that cannot be parsed ends the program.
pub(crate) fn start(settings: &ServeSettings) -> anyhow::Result<Telemetry> {
    let telemetry = Telemetry::new(settings)?;
    if let Err(error) = log::init(&settings.log, telemetry.layer()) {
        let filter = &settings.log.log_filter;
        let message = format!("--log-filter {filter:?} can't be read: {error}");
        exit_with_usage(ErrorKind::InvalidValue, message);
    }
    Ok(telemetry)
}

#[cfg(feature = "otlp")]
impl Telemetry {
    fn new(settings: &ServeSettings) -> anyhow::Result<Self> {
        use anyhow::Context;

        let endpoint = settings.traces.otlp_endpoint.as_deref();
        let traces = endpoint
            .map(Traces::to)
            .transpose()
            .context("cannot send traces (--otlp-endpoint)")?;
        Ok(Self { traces })
    }

    fn layer(&self) -> Option<BoxedLayer> {
        self.traces.as_ref().map(Traces::layer)
    }
}

#[cfg(not(feature = "otlp"))]
#[expect(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "with the feature `otlp` both are needed"
)]
impl Telemetry {
    fn new(_settings: &ServeSettings) -> anyhow::Result<Self> {
        Ok(Self {})
    }

    fn layer(&self) -> Option<BoxedLayer> {
        None
    }
}
