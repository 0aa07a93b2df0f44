//! Tests of the spans that a collector receives: the steps of a request, in the trace of its caller, and nothing of its film.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use base16ct::lower::encode_string;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustix::process::Signal;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::program::{Daemon, serve};
use lungfield_testing::small;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// An OTLP collector in this process, and the requests that it received.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    sent: Receiver<Vec<u8>>,
    _runtime: Runtime,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, sent) = channel();
        let take = move |body: Bytes| {
            let _ = sender.send(body.to_vec()); // the test may be over
            std::future::ready(())
        };
        let router = Router::new().route("/v1/traces", post(take));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            sent,
            _runtime: runtime,
        }
    }

    /// Returns everything received so far, as bytes and as spans.
    pub(crate) fn spans(&self) -> (Vec<u8>, Vec<Span>) {
        let bodies: Vec<_> = self.sent.try_iter().collect();
        let requests = bodies
            .iter()
            .map(|body| ExportTraceServiceRequest::decode(&body[..]).unwrap());
        let scopes = requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|spans| spans.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans).collect();
        (bodies.concat(), spans)
    }
}

#[test]
fn the_steps_of_a_request_are_sent_as_a_part_of_its_callers_trace() {
    let (model, collector) = (small::model(), Collector::start());
    let endpoint = format!("--otlp-endpoint=http://{}", collector.address);
    let server = Daemon::start(model.path(), &[&endpoint, "--drain-delay=0s"]);
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let form = [("image", &small::film(1, 64)[..])];
    server
        .film(b"")
        .header("traceparent", &traceparent)
        .form(&form)
        .send()
        .segmented();
    // A request without a valid `traceparent` starts a new trace.
    server
        .film(&small::film(2, 64))
        .header("traceparent", "nonsense")
        .send()
        .segmented();
    server.program.send_signal(Signal::TERM);
    assert_eq!(server.program.wait_for_end().0.code(), Some(0));

    let (bytes, spans) = collector.spans();
    let (ours, others): (Vec<_>, Vec<_>) = spans
        .into_iter()
        .partition(|span| encode_string(&span.trace_id) == TRACE);
    let request = ours
        .iter()
        .find(|span| span.name == "request")
        .expect("the request is a span");
    assert_eq!(encode_string(&request.parent_span_id), CALLER);
    for step in ["decode", "queue", "infer", "encode"] {
        let span = ours
            .iter()
            .find(|span| span.name == step)
            .unwrap_or_else(|| panic!("no {step} in {ours:#?}"));
        assert_eq!(span.parent_span_id, request.span_id, "{step}");
        assert!(
            request.start_time_unix_nano <= span.start_time_unix_nano,
            "{step}"
        );
        assert!(
            span.start_time_unix_nano <= span.end_time_unix_nano,
            "{step}"
        );
        assert!(
            span.end_time_unix_nano <= request.end_time_unix_nano,
            "{step}"
        );
    }
    assert!(
        others
            .iter()
            .any(|span| span.name == "request" && span.parent_span_id.is_empty()),
        "{others:#?}"
    );
    assert!(
        !String::from_utf8_lossy(&bytes).contains("secret.exe"),
        "no file name is sent"
    );
}

#[test]
fn a_collector_that_is_gone_holds_up_neither_films_nor_the_end() {
    let model = small::model();
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let endpoint = format!("--otlp-endpoint=http://{gone}");
    let server = Daemon::start(model.path(), &[&endpoint, "--drain-delay=0s"]);
    server.film(&small::film(1, 64)).send().segmented();
    server.program.send_signal(Signal::TERM);
    assert_eq!(server.program.wait_for_end().0.code(), Some(0));
}

#[test]
fn a_collector_is_named_by_its_address() {
    let (status, log) =
        serve(small::model().path(), &["--otlp-endpoint=collector:4317"]).wait_for_end();
    assert_eq!(status.code(), Some(2), "{log:#?}");
    assert!(log[0].contains("--otlp-endpoint"), "{log:#?}");
}
