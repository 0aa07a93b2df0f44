//! Decides how a server lives: model, engine, pipeline, routes; then listening; then leaving without losing a film.

mod access;
mod connections;
mod health;
mod memory_image;
mod reload;
mod tls;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};

use self::access::Doors;
pub use self::connections::ConnectionOptions;
use self::connections::{Connections, Never};
pub use self::health::check_health;
use self::reload::keep_fresh;
use crate::config::ServeSettings;
use crate::http::{Access, App, ModelCard, Phase, operator_router, router};
use lungfield_engine::Health;
use lungfield_model::loading::{self, Loaded};

/// How long answers may still take when the model is lost: those that wait for it are answered at once.
const LOST_TIMEOUT: Duration = Duration::from_secs(5);
/// The most connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// The most connections of operators at a time.
const OPERATORS: usize = 16;

/// Where a server will listen: addresses that are its own already, and whose callers are refused until it can answer.
#[derive(Debug)]
pub struct Sockets {
    /// For films.
    pub films: TcpSocket,
    /// For those who run the server, if at all.
    pub operators: Option<TcpSocket>,
}

/// What a server is told while it runs.
#[derive(Debug)]
pub struct Orders<L, E> {
    /// Completes when the server should finish what it has.
    pub leave: L,
    /// Completes when it should drop everything.
    pub end: E,
    /// Has it read keys and certificates again.
    pub reload: mpsc::Receiver<()>,
}

/// How a server listens and how it leaves.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// What callers may do.
    pub connections: ConnectionOptions,
    /// How long it still serves once it is asked to leave.
    pub drain_delay: Duration,
    /// How long requests in flight may take after that.
    pub drain_timeout: Duration,
}

/// Loads the model and builds the application around it. Takes a second or two, and blocks.
pub fn assemble(
    settings: &ServeSettings,
    access: Access,
    phase: watch::Receiver<Phase>,
) -> anyhow::Result<Arc<App>> {
    let options = |placement| settings.engine_options(placement);
    let Loaded {
        pipeline,
        manifest,
        placement,
        max_batch_size,
    } = loading::load(&settings.model, &settings.films, options)?;
    let card = ModelCard::new(
        &manifest,
        placement,
        max_batch_size.get(),
        settings.upload_limits(),
    );
    Ok(App::new(
        pipeline,
        settings.http_options(),
        access,
        card,
        phase,
    ))
}

/// Runs a server until it is asked to leave, or told to end, or loses its model.
pub async fn run(
    settings: &ServeSettings,
    sockets: Sockets,
    orders: Orders<impl Future<Output = ()>, impl Future<Output = ()>>,
) -> anyhow::Result<()> {
    memory_image::forbid().context("core dumps can't be switched off")?;
    let (phase, watched) = watch::channel(Phase::Serving);
    let Doors { access, tls, live } = Doors::open(&settings.access)?;
    let options = ListenOptions {
        connections: ConnectionOptions {
            max_connections: settings.max_connections.get(),
            header_timeout: settings.header_timeout,
            write_timeout: settings.write_timeout,
            tls,
        },
        drain_delay: settings.drain_delay,
        drain_timeout: settings.drain_timeout,
    };
    let fresh = keep_fresh(live, orders.reload, settings.access.reload_interval);
    let owned = settings.clone();
    let serve = async {
        let app = tokio::task::spawn_blocking(move || assemble(&owned, access, watched)).await??;
        // Not before: a balancer takes a server that accepts connections for one that answers.
        let films = sockets
            .films
            .listen(BACKLOG)
            .context("can't listen (--listen)")?;
        let operators = sockets
            .operators
            .map(|socket| socket.listen(BACKLOG))
            .transpose();
        let operators = operators.context("can't listen (--metrics-listen)")?;
        if let Some(exposure) = settings.access.exposure(films.local_addr()?) {
            tracing::warn!("{exposure}");
        }
        let operate = operate(&app, operators, settings.header_timeout);
        let listen = listen(&app, films, options, phase, orders.leave);
        tokio::select! {
            biased; // operators can ask before films are taken
            never = operate => match never? {},
            outcome = listen => outcome,
        }
    };
    tokio::select! {
        outcome = serve => outcome,
        () = orders.end => Err(anyhow!("told to end before every film was answered")),
        never = fresh => match never {},
    }
}

/// Serves operators for as long as the server lives, its drain included.
async fn operate(
    app: &Arc<App>,
    listener: Option<TcpListener>,
    header_timeout: Duration,
) -> anyhow::Result<Never> {
    let Some(listener) = listener else {
        return Ok(std::future::pending().await);
    };
    let address = listener
        .local_addr()
        .context("the operators' listener has no address")?;
    tracing::info!(metrics.address = %address, "metrics at http://{address}/metrics");
    let options = ConnectionOptions {
        max_connections: OPERATORS,
        header_timeout,
        write_timeout: header_timeout,
        tls: None,
    };
    Ok(
        Connections::new(app, operator_router(Arc::clone(app)), options)
            .accept(&listener)
            .await,
    )
}

/// Serves an application on a listener until it is asked to leave, then drains.
pub async fn listen(
    app: &Arc<App>,
    listener: TcpListener,
    options: ListenOptions,
    phase: watch::Sender<Phase>,
    leave: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    let scheme = if options.connections.tls.is_some() {
        "https"
    } else {
        "http"
    };
    tracing::info!(http.address = %address, "listening on {scheme}://{address}");
    let connections = Connections::new(app, router(Arc::clone(app)), options.connections);
    let mut health = app.pipeline().engine().health();
    let lost = async move {
        let _ = health.wait_for(|health| *health == Health::Failed).await; // closed: the engine is gone too
    };
    let leaving = async {
        leave.await;
        phase.send_replace(Phase::Leaving);
        tracing::info!(
            drain_delay_ms = options.drain_delay.as_millis(),
            "leaving: not ready, still serving"
        );
        tokio::time::sleep(options.drain_delay).await;
    };
    let lost = tokio::select! {
        never = connections.accept(&listener) => match never {},
        () = leaving => false,
        () = lost => true,
    };
    drop(listener);
    phase.send_replace(Phase::Draining);
    let timeout = if lost {
        LOST_TIMEOUT
    } else {
        options.drain_timeout
    };
    tracing::info!(drain_timeout_ms = timeout.as_millis(), "draining");
    let drained = tokio::time::timeout(timeout, connections.drain()).await;
    match (lost, drained) {
        (true, _) => bail!("the model is lost; the log says why"),
        (false, Ok(())) => tracing::info!("drained"),
        (false, Err(_elapsed)) => {
            tracing::warn!("the drain timed out; some requests were not answered");
        }
    }
    Ok(())
}
