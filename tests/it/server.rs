//! A server for the tests: it listens on a free port, and serves a fake model with a chosen behaviour.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lungfield::config::{ByteBudget, HttpSettings, ListenSettings};
use lungfield::http::{Access, App, License, ModelCard, Phase, UploadLimits};
use lungfield::server::{self, ListenOptions, ServerError};
use lungfield_codec::Limits;
use lungfield_codec::{ModelIdentity, formats};
use lungfield_engine::fake::{Behaviour, FakeSegmenter, Gate, Passes};
use lungfield_engine::pipeline::Pipeline;
use lungfield_engine::{Engine, EngineOptions};
use lungfield_model::device::Precision;
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

use crate::client::{Call, Raw, Reply, TEST_TIMEOUT};
use crate::samples::{SIDE, film, film_of, lungs, some_lungs};

/// The number of films that are decoded or encoded at the same time.
pub(crate) const DECODE_PERMITS: usize = 4;
/// The largest body that a server takes by default.
pub(crate) const MAX_BODY_BYTES: u64 = 1 << 20;
/// The name of the model.
pub(crate) const MODEL: &str = "a-fake";
pub(crate) const VERSION: &str = "1.2.3";
/// A time that no test waits for.
const HOUR: Duration = Duration::from_hours(1);

/// The settings of a server.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) http: HttpSettings,
    pub(crate) listen: ListenSettings,
    pub(crate) engine: EngineOptions,
    pub(crate) limits: Limits,
}

impl Default for Setup {
    /// Settings with large limits and long timeouts.
    fn default() -> Self {
        Self {
            http: HttpSettings {
                max_body_bytes: MAX_BODY_BYTES,
                byte_budget: budget(64 << 20),
                answer_budget: budget(64 << 20),
                write_timeout: HOUR,
                body_timeout: HOUR,
                request_timeout: HOUR,
            },
            listen: ListenSettings {
                max_connections: NonZeroUsize::new(1024).unwrap(),
                header_timeout: HOUR,
                drain_delay: Duration::ZERO,
                drain_timeout: HOUR,
            },
            engine: EngineOptions {
                max_batch_size: NonZeroUsize::new(8).unwrap(),
                max_queue_delay: Duration::ZERO,
                queue_capacity: NonZeroUsize::new(64).unwrap(),
            },
            limits: Limits::default(),
        }
    }
}

impl Setup {
    /// Sets the capacity of the queue.
    pub(crate) fn queue_capacity(mut self, films: usize) -> Self {
        self.engine.queue_capacity = NonZeroUsize::new(films).unwrap();
        self
    }
}

pub(crate) fn budget(bytes: u64) -> ByteBudget {
    ByteBudget::new(bytes).unwrap()
}

/// A running server. Dropping it ends it at once.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) app: Arc<App>,
    pub(crate) passes: Passes,
    phase: watch::Receiver<Phase>,
    leave: Option<oneshot::Sender<()>>,
    outcome: Option<oneshot::Receiver<Result<(), ServerError>>>,
    /// Shut down in the background, since some tests leave work behind.
    runtime: Option<Runtime>,
}

impl Server {
    /// Starts a server whose model returns the film as its probability map.
    pub(crate) fn echo() -> Self {
        Self::start(FakeSegmenter::new(Behaviour::Echo), &Setup::default())
    }

    pub(crate) fn start(segmenter: FakeSegmenter, setup: &Setup) -> Self {
        Self::guarded(segmenter, setup, Access::default())
    }

    /// Starts a server with rules of access.
    pub(crate) fn guarded(segmenter: FakeSegmenter, setup: &Setup, access: Access) -> Self {
        let passes = segmenter.passes();
        let engine =
            Engine::start(setup.engine, [move || Ok::<_, std::io::Error>(segmenter)]).unwrap();
        let options = PreprocessOptions {
            side: SIDE,
            ..PreprocessOptions::default()
        };
        let preprocessor = Preprocessor::new(options).unwrap();
        let pipeline = Pipeline::new(
            engine,
            preprocessor,
            Threshold::HALF,
            setup.limits,
            DECODE_PERMITS,
        );
        let (phase, watched) = watch::channel(Phase::Serving);
        let app = App::new(
            pipeline,
            setup.http.clone(),
            access,
            card(setup),
            watched.clone(),
        );

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (leave, told) = oneshot::channel();
        let (ended, outcome) = oneshot::channel();
        let (served, options) = (
            Arc::clone(&app),
            ListenOptions {
                settings: setup.listen.clone(),
                tls: None,
            },
        );
        runtime.spawn(async move {
            let told = async {
                if told.await.is_err() {
                    std::future::pending::<()>().await; // the sender was dropped: the test is over
                }
            };
            let _ = ended.send(server::listen(&served, listener, options, phase, told).await);
        });
        let (leave, outcome) = (Some(leave), Some(outcome));
        Self {
            address,
            app,
            passes,
            phase: watched,
            leave,
            outcome,
            runtime: Some(runtime),
        }
    }

    /// Starts an echoing server whose model waits for the gate before each batch.
    pub(crate) fn gated(setup: &Setup) -> (Self, Gate) {
        let (segmenter, gate) = FakeSegmenter::new(Behaviour::Echo).gated();
        (Self::start(segmenter, setup), gate)
    }

    /// Starts a gated server whose model runs the film of one caller, and whose queue has the film of a caller that left.
    pub(crate) fn left_by_one(setup: &Setup) -> (Self, Gate, JoinHandle<Reply>) {
        let (server, mut gate) = Self::gated(setup);
        let film = film();
        let staying = server.post("/v1/segment").body(film.clone()).start();
        assert_eq!(server.wait(gate.arrival()), Some(1));
        let leaving = Raw::begin(server.address, film.len(), "/v1/segment", &film);
        eventually("the film waits for the model", || server.queue_depth() == 1);
        drop(leaving);
        (server, gate, staying)
    }

    /// Starts a gated server whose model runs one film, and whose queue is full with another.
    pub(crate) fn full() -> Full {
        let (server, mut gate) = Self::gated(&Setup::default().queue_capacity(1));
        let waiting = (0..2).map(|index| {
            let call = server
                .post("/v1/segment")
                .body(film_of(&lungs(some_lungs().size(), index)))
                .start();
            match index {
                0 => assert_eq!(server.wait(gate.arrival()), Some(1)),
                _ => eventually("the queue is full", || server.queue_depth() == 1),
            }
            call
        });
        let waiting = waiting.collect();
        Full {
            server,
            gate,
            waiting,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        Call::new("GET", self.address, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        Call::new("POST", self.address, path)
    }

    /// Asserts that the next film gets its mask, and that the server is ready.
    #[track_caller]
    pub(crate) fn assert_still_serves(&self) {
        assert_eq!(
            self.post("/v1/segment").body(film()).send().mask(),
            some_lungs()
        );
        assert_eq!(self.get("/health/ready").send().status, 200);
    }

    pub(crate) fn queue_depth(&self) -> usize {
        self.app.pipeline().engine().queue_depth()
    }

    /// Asks the server to drain and end.
    pub(crate) fn leave(&mut self) {
        self.leave
            .take()
            .expect("a server leaves once")
            .send(())
            .expect("the server runs");
    }

    /// Waits until the server reaches this phase.
    #[track_caller]
    pub(crate) fn reaches(&self, phase: Phase) {
        let mut watched = self.phase.clone();
        self.wait(watched.wait_for(|now| *now == phase)).unwrap();
    }

    /// Waits for the end of the server.
    #[track_caller]
    pub(crate) fn outcome(&mut self) -> Result<(), ServerError> {
        let outcome = self.outcome.take().expect("a server ends once");
        self.wait(outcome)
            .expect("the server reports before it ends")
    }

    /// Runs a future on the runtime of the server, and waits for it.
    #[track_caller]
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = self
            .runtime
            .as_ref()
            .expect("the runtime is given up when the server is dropped");
        runtime
            .block_on(async { tokio::time::timeout(TEST_TIMEOUT, future).await })
            .expect("it happens in time")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A server with a full queue, and the callers of its two films.
pub(crate) struct Full {
    pub(crate) server: Server,
    pub(crate) gate: Gate,
    pub(crate) waiting: Vec<JoinHandle<Reply>>,
}

impl Full {
    /// Opens the gate, and asserts that both callers get their masks and that the server takes films again.
    #[track_caller]
    pub(crate) fn assert_recovers(self) {
        drop(self.gate);
        for (index, call) in (0..).zip(self.waiting) {
            assert_eq!(
                call.join().unwrap().mask(),
                lungs(some_lungs().size(), index)
            );
        }
        self.server.assert_still_serves();
    }
}

/// Polls a condition until it holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < TEST_TIMEOUT, "never: {what}");
        std::thread::sleep(Duration::from_millis(1)); // orders nothing: it only saves CPU
    }
}

fn card(setup: &Setup) -> ModelCard {
    ModelCard {
        identity: ModelIdentity {
            name: MODEL.to_owned(),
            version: VERSION.to_owned(),
            weights_sha256: "0".repeat(64),
        },
        architecture: "segnet",
        width: 1,
        input_side: SIDE,
        threshold: 0.5,
        license: License {
            weights: "none".to_owned(),
            note: "tests",
        },
        formats: formats::media_types().collect(),
        device: "cpu".to_owned(),
        precision: Precision::F32,
        max_batch_size: setup.engine.max_batch_size.get(),
        limits: UploadLimits {
            max_body_bytes: setup.http.max_body_bytes,
            max_pixels: setup.limits.max_pixels,
        },
        intended_use: "tests",
    }
}
