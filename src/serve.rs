//! Decides how a server lives: model, engine, pipeline, routes; then listening; then leaving without losing a film.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tower::ServiceExt;

use crate::config::ServeSettings;
use crate::engine::{Engine, Health};
use crate::http::{App, ModelCard, Phase, operator_router, router};
use crate::model::cores::Cores;
use crate::model::device::Placement;
use crate::model::manifest::Manifest;
use crate::model::torch::{self, LoadError, TorchSegmenter};
use crate::model::twin::Twin;
use crate::network::plan::Plan;
use crate::pipeline::Pipeline;

/// How long answers may still take when the model is lost: those that wait for it are answered at once.
const LOST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long accepting pauses when the system has no connection to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How a server listens and how it leaves.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// The most connections at a time.
    pub max_connections: usize,
    /// How long a request's head may take.
    pub header_timeout: Duration,
    /// How long it still serves once it is asked to leave.
    pub drain_delay: Duration,
    /// How long requests in flight may take after that.
    pub drain_timeout: Duration,
}

/// Loads the model and builds the application around it. Takes a second or two, and blocks.
pub fn assemble(settings: &ServeSettings, phase: watch::Receiver<Phase>) -> anyhow::Result<Arc<App>> {
    let manifest = Manifest::read(&settings.model)?;
    let preprocessor = manifest.preprocessor()?;
    let placement = Placement::resolve(settings.device, settings.precision)?;
    let options = settings.engine_options(placement);
    let max_batch_size = options.max_batch_size;
    let card = ModelCard::new(&manifest, placement, max_batch_size.get(), settings.upload_limits());
    let threshold = manifest.threshold;
    let model_threads = settings.model_threads(placement);
    let cores = Cores::new(settings.threads(), model_threads);
    let plan = torch::load(&settings.model, &manifest, placement)?;
    let twin = twin(&plan, settings.threads())?;
    let build = |_| {
        let (plan, manifest, cores, twin) = (plan.share(), manifest.clone(), cores.clone(), twin.clone());
        move || {
            let mut segmenter = TorchSegmenter::new(plan).sharing(cores, twin);
            segmenter.warm_up(&manifest, max_batch_size)?;
            Ok::<_, LoadError>(segmenter)
        }
    };
    let engine = Engine::start(options, (0..model_threads.get()).map(build))?;
    tracing::info!(
        model.name = card.name,
        model.version = card.version,
        model.weights_sha256 = card.weights_sha256,
        model.device = card.device,
        model.precision = ?card.precision,
        model.threads = model_threads,
        "model loaded"
    );
    let pipeline =
        Pipeline::new(engine, preprocessor, threshold, settings.limits(), settings.decode_permits());
    Ok(App::new(pipeline, settings.http_options(), card, phase))
}

/// The thread for mirror images, where there are two threads for a film and its image.
fn twin(plan: &Plan, threads: NonZeroUsize) -> anyhow::Result<Option<Arc<Twin>>> {
    let wanted = plan.has_twins() && threads.get() > 1;
    let twin = wanted.then(|| Twin::start(plan.share())).transpose();
    Ok(twin.context("the thread for mirror images could not be started")?.map(Arc::new))
}

/// Runs a server until it is asked to leave, or told to end, or loses its model.
///
/// `leave` completes when the server should finish what it has; `end` when it should drop everything.
pub async fn run(
    settings: &ServeSettings,
    listener: TcpListener,
    leave: impl Future<Output = ()>,
    end: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let (phase, watched) = watch::channel(Phase::Serving);
    let options = ListenOptions {
        max_connections: settings.max_connections.get(),
        header_timeout: settings.header_timeout,
        drain_delay: settings.drain_delay,
        drain_timeout: settings.drain_timeout,
    };
    let owned = settings.clone();
    let serve = async {
        let app = tokio::task::spawn_blocking(move || assemble(&owned, watched)).await??;
        listen(&app, listener, options, phase, leave).await
    };
    tokio::select! {
        outcome = serve => outcome,
        () = end => Err(anyhow!("told to end before every film was answered")),
    }
}

/// Serves an application on a listener until it is asked to leave, then drains.
pub async fn listen(
    app: &Arc<App>,
    listener: TcpListener,
    options: ListenOptions,
    phase: watch::Sender<Phase>,
    leave: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("the listener has no address")?;
    tracing::info!(http.address = %address, "listening on http://{address}");
    let connections = Connections::new(app, router(Arc::clone(app)), options);
    let mut health = app.pipeline().engine().health();
    let lost = async move {
        let _ = health.wait_for(|health| *health == Health::Failed).await; // closed: the engine is gone too
    };
    let leaving = async {
        leave.await;
        phase.send_replace(Phase::Leaving);
        tracing::info!(drain_delay_ms = options.drain_delay.as_millis(), "leaving: not ready, still serving");
        tokio::time::sleep(options.drain_delay).await;
    };
    let lost = tokio::select! {
        never = connections.accept(&listener) => match never {},
        () = leaving => false,
        () = lost => true,
    };
    drop(listener);
    phase.send_replace(Phase::Draining);
    let timeout = if lost { LOST_TIMEOUT } else { options.drain_timeout };
    tracing::info!(drain_timeout_ms = timeout.as_millis(), "draining");
    let drained = tokio::time::timeout(timeout, connections.drain(app)).await;
    match (lost, drained) {
        (true, _) => bail!("the model is lost; the log says why"),
        (false, Ok(())) => tracing::info!("drained"),
        (false, Err(_elapsed)) => tracing::warn!("the drain timed out; some requests were not answered"),
    }
    Ok(())
}

/// Everything that serves connections.
struct Connections {
    app: Arc<App>,
    router: Router,
    builder: Builder<TokioExecutor>,
    graceful: GracefulShutdown,
    header_timeout: Duration,
    free: Arc<Semaphore>,
}

/// What never comes.
enum Never {}

impl Connections {
    fn new(app: &Arc<App>, router: Router, options: ListenOptions) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(options.header_timeout);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(options.header_timeout);
        Self {
            app: Arc::clone(app),
            router,
            builder,
            graceful: GracefulShutdown::new(),
            header_timeout: options.header_timeout,
            free: Arc::new(Semaphore::new(options.max_connections)),
        }
    }

    async fn accept(&self, listener: &TcpListener) -> Never {
        loop {
            let free = Arc::clone(&self.free).acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _peer)) => self.serve(stream, free),
                Err(error) => {
                    // Out of file descriptors, most likely: connections that end give some back.
                    tracing::warn!(error = %error, "no connection was accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, free: tokio::sync::OwnedSemaphorePermit) {
        let _ = stream.set_nodelay(true); // an answer is written at once; without it, it is only slower
        let asked = Arc::new(Notify::new());
        let asks = Arc::clone(&asked);
        let service = self.router.clone().map_request(move |request: Request<Incoming>| {
            asks.notify_one();
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = self.graceful.watch(connection);
        // Hyper's own timeout begins only once a connection has shown which HTTP it speaks.
        let first_request = tokio::time::timeout(self.header_timeout, asked.notified_owned());
        tokio::spawn(async move {
            tokio::select! {
                Err(_elapsed) = first_request => tracing::debug!("a connection came to no request"),
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(error = %error, "a connection broke");
                },
            }
            drop(free);
        });
    }

    /// Waits until every request in flight is answered and the engine has ended.
    async fn drain(self, app: &App) {
        self.graceful.shutdown().await;
        app.pipeline().engine().drain().await;
    }
}
