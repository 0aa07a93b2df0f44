//! Sends traces to a collector, by OTLP over HTTP.

use axum::http::{HeaderMap, HeaderName};
use lungfield_support::log::BoxedLayer;
use lungfield_support::tls;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// The spans of this process on their way to a collector. Dropping it sends what is left, for at most a few seconds.
#[derive(Debug)]
#[must_use]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends spans to the collector at `endpoint`, whose path is part of it, in batches from a thread of its own.
    pub fn to(endpoint: &str) -> Result<Self, ExporterBuildError> {
        tls::install(); // the exporter's client needs a provider, also where it speaks plain HTTP
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(endpoint)
            .build()?;
        let resource = Resource::builder().with_service_name("lungfield").build();
        Ok(Self(
            SdkTracerProvider::builder()
                .with_batch_exporter(exporter)
                .with_resource(resource)
                .build(),
        ))
    }

    /// Returns the layer that receives the spans of Lungfield's own crates, whatever the log leaves out.
    #[must_use]
    pub fn layer(&self) -> BoxedLayer {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("lungfield"))
            .with_filter(Targets::new().with_target("lungfield", LevelFilter::INFO))
            .boxed()
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        let _ = self.0.shutdown(); // the collector may be gone; the log says so where it is asked to
    }
}

/// Makes a span part of the trace that the headers of its request name.
pub(super) fn continue_trace(span: &tracing::Span, headers: &HeaderMap) {
    let parent = TraceContextPropagator::new().extract(&Headers(headers));
    let _ = span.set_parent(parent); // fails where traces are not sent; then nothing is lost
}

/// Lets the propagator read header fields.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
