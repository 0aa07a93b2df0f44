//! Decides how a request is put to the whole service, and which answers are no defect.

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use lungfield_engine::{Engine, EngineOptions};
use lungfield::config::{ByteBudget, HttpSettings};
use lungfield::http::{
    Access, App, CODES, License, ModelCard, Phase, UploadLimits, router,
};
use lungfield_radiograph::mask::Threshold;
use lungfield_model::device::Precision;
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use lungfield_codec::{ModelIdentity, formats};
use lungfield_engine::pipeline::Pipeline;
use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::{FIXTURE, LIMITS};

/// No input is as long: bodies over the limit have tests of their own.
const MAX_BODY_BYTES: u64 = 8 << 20;
/// The most pieces that a body comes in: each costs more time than most of its bytes.
const MOST_PIECES: usize = 256;

/// The router around a model that gives back what it sees, and what it runs on.
struct Service {
    runtime: Runtime,
    router: Router,
    _phase: watch::Sender<Phase>,
}

/// One for all inputs: to start it takes longer than most of them.
static SERVICE: LazyLock<Service> = LazyLock::new(Service::start);

impl Service {
    fn start() -> Self {
        let segmenter = FakeSegmenter::new(Behaviour::Echo);
        let one = NonZeroUsize::MIN;
        let queue = EngineOptions {
            max_batch_size: one,
            max_queue_delay: Duration::ZERO,
            queue_capacity: one,
        };
        let engine = Engine::start(queue, [move || Ok::<_, std::io::Error>(segmenter)]);
        let engine = engine.expect("a fake starts");
        let preprocessor = Preprocessor::new(PreprocessOptions {
            side: FIXTURE.0,
            ..Default::default()
        });
        let preprocessor = preprocessor.expect("the options are sound");
        let pipeline = Pipeline::new(engine, preprocessor, Threshold::HALF, LIMITS, 1);
        let (phase, watched) = watch::channel(Phase::Serving);
        let app: Arc<App> = App::new(pipeline, options(), access(), card(), watched);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Self {
            runtime: runtime.expect("the machine has a thread"),
            router: router(app),
            _phase: phase,
        }
    }
}

fn options() -> HttpSettings {
    HttpSettings {
        max_body_bytes: MAX_BODY_BYTES,
        byte_budget: ByteBudget::new(MAX_BODY_BYTES * 8).expect("the budget is more than 0"),
        answer_budget: ByteBudget::new(64 << 20).expect("the budget is more than 0"),
        write_timeout: Duration::from_secs(20),
        body_timeout: Duration::from_secs(20),
        request_timeout: Duration::from_secs(20),
    }
}

/// Anybody may ask, or nothing behind the door would be tried; one origin's pages too.
fn access() -> Access {
    Access {
        origins: vec![HeaderValue::from_static("https://viewer.example")],
        ..Access::default()
    }
}

fn card() -> ModelCard {
    ModelCard {
        identity: ModelIdentity {
            name: "a-fake".to_owned(),
            version: "0".to_owned(),
            weights_sha256: "0".repeat(64),
        },
        architecture: "segnet",
        width: 1,
        input_side: FIXTURE.0,
        threshold: 0.5,
        license: License {
            weights: "none".to_owned(),
            note: "fuzzing",
        },
        formats: formats::media_types().collect(),
        device: "cpu".to_owned(),
        precision: Precision::F32,
        max_batch_size: 1,
        limits: UploadLimits {
            max_body_bytes: MAX_BODY_BYTES,
            max_pixels: LIMITS.max_pixels,
        },
        intended_use: "fuzzing",
    }
}

/// A request to `/v1/segment` whose body is a form, its parts parted by `--x`.
pub fn form(body: &[u8], piece_bytes: usize) -> Request<Body> {
    let request = Request::post("/v1/segment")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    request
        .body(in_pieces(body, piece_bytes))
        .expect("the head is sound")
}

/// A request from text like HTTP's: a method and a target, a line for each header, an empty line, the body. `None` where
/// the server's HTTP library would not let such a head through.
pub fn parse(text: &[u8], piece_bytes: usize) -> Option<Request<Body>> {
    let end = text.windows(2).position(|pair| pair == b"\n\n")?;
    let mut lines = text[..end].split(|byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(2, |byte| *byte == b' ');
    let method = Method::from_bytes(words.next()?).ok()?;
    let mut request = Request::builder().method(method).uri(words.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        request = request.header(
            name,
            HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?,
        );
    }
    request.body(in_pieces(&text[end + 2..], piece_bytes)).ok()
}

/// A body that comes piece by piece, so that whoever reads it meets every seam; the pieces of a long one are larger.
fn in_pieces(body: &[u8], piece_bytes: usize) -> Body {
    let piece_bytes = piece_bytes.max(body.len() / MOST_PIECES + 1);
    let pieces: Vec<_> = body
        .chunks(piece_bytes)
        .map(Bytes::copy_from_slice)
        .collect();
    Body::from_stream(stream::unfold(
        pieces.into_iter(),
        |mut pieces| async move {
            tokio::task::yield_now().await;
            pieces
                .next()
                .map(|piece| (Ok::<_, std::convert::Infallible>(piece), pieces))
        },
    ))
}

/// Puts a request to the service, and panics where the answer is none that a caller may get.
pub fn ask(request: Request<Body>) {
    let headless = request.method() == Method::HEAD; // its answer has no body
    let path = request.uri().path();
    let inference = path == "/v2" || path.starts_with("/v2/");
    let response = SERVICE.runtime.block_on(async {
        let response = SERVICE
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("the router always answers");
        let (head, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .expect("the answer is in memory")
            .to_bytes();
        Response::from_parts(head, body)
    });
    check(&response, headless, inference);
}

/// `inference` says that errors are those of the Open Inference Protocol.
fn check(response: &Response<Bytes>, headless: bool, inference: bool) {
    let status = response.status();
    if status == StatusCode::OK {
        return;
    }
    let busy = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT].contains(&status);
    assert!(status.is_client_error() || busy, "the answer is {status}");
    let media = response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    let wanted: &[u8] = if inference {
        b"application/json"
    } else {
        b"application/problem+json"
    };
    assert_eq!(media, Some(wanted), "an error is a problem");
    if headless {
        return;
    }
    let problem: serde_json::Value =
        serde_json::from_slice(response.body()).expect("a problem is JSON");
    let code = problem["code"].as_str().expect("a problem has a code");
    assert!(CODES.contains(&code), "the code {code} is not listed");
    if inference {
        assert!(problem["error"].is_string());
        return;
    }
    assert_eq!(problem["status"], status.as_u16());
    assert!(problem["request_id"].is_string() && problem["detail"].is_string());
}
