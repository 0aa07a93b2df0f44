//! Starts the server: binds its addresses, loads the model, and serves until a signal ends it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use lungfield::config::{MetricsListen, ServeSettings};
use lungfield::http::{Access, App, ModelCard, Phase, UploadLimits};
use lungfield::server::reload::keep_fresh;
use lungfield::server::{ListenOptions, listen, operate};
use lungfield_model::{LoadedModel, load};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};

use crate::access::LoadedAccess;
use crate::core_dumps;
use crate::signals::Signals;

/// The most connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Runs the server until it is asked to leave, or told to end, or loses its model.
pub(crate) async fn run(settings: &ServeSettings) -> anyhow::Result<()> {
    let Signals { leave, end, reload } = Signals::listen()?;
    let sockets = Sockets::bind(settings)?;
    core_dumps::forbid().context("cannot switch off core dumps")?;
    let LoadedAccess {
        access,
        tls,
        reloads,
    } = LoadedAccess::read(&settings.access)?;
    let options = ListenOptions {
        settings: settings.connections.clone(),
        tls,
    };
    let fresh = keep_fresh(reloads, reload, settings.access.reload_interval);
    tokio::select! {
        outcome = serve(settings, sockets, access, options, leave) => outcome,
        _ = end => Err(anyhow!("told to end before every film was answered")),
        never = fresh => match never {},
    }
}

/// Loads the model, then listens until `leave` completes.
async fn serve(
    settings: &ServeSettings,
    sockets: Sockets,
    access: Access,
    options: ListenOptions,
    leave: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let (phase, watched) = watch::channel(Phase::Serving);
    let owned = settings.clone();
    let app = tokio::task::spawn_blocking(move || assemble(&owned, access, watched)).await??;
    // Not earlier: a load balancer takes a server that accepts connections for one that answers.
    let (films, operators) = sockets.listen()?;
    if let Some(exposure) = settings.access.exposure(films.local_addr()?) {
        tracing::warn!("{exposure}");
    }
    let header_timeout = settings.connections.header_timeout;
    let operate = async {
        match operators {
            Some(listener) => operate(&app, listener, header_timeout).await,
            None => std::future::pending().await,
        }
    };
    let listen = listen(&app, films, options, phase, async { drop(leave.await) });
    tokio::select! {
        biased; // operators can ask before films are taken
        never = operate => match never? {},
        outcome = listen => Ok(outcome?),
    }
}

/// Loads the model and builds the application around it. Takes a second or two, and blocks.
fn assemble(
    settings: &ServeSettings,
    access: Access,
    phase: watch::Receiver<Phase>,
) -> anyhow::Result<Arc<App>> {
    let options = settings.load_options()?;
    let LoadedModel { pipeline, manifest } = load(&settings.model.folder, &options)?;
    let limits = UploadLimits {
        max_body_bytes: settings.http.max_body_bytes,
        max_pixels: settings.films.max_pixels,
    };
    let max_batch_size = options.engine.max_batch_size.get();
    let card = ModelCard::new(&manifest, options.placement, max_batch_size, limits);
    let http = settings.http.clone();
    Ok(App::new(pipeline, http, access, card, phase))
}

/// The addresses of the server. They are its own already, and refuse connections until it listens.
struct Sockets {
    films: TcpSocket,
    operators: Option<TcpSocket>,
}

impl Sockets {
    fn bind(settings: &ServeSettings) -> anyhow::Result<Self> {
        let operators = match settings.access.metrics_listen {
            MetricsListen::Off => None,
            MetricsListen::At(address) => Some(bind(address, "--metrics-listen")?),
        };
        Ok(Self {
            films: bind(settings.listen, "--listen")?,
            operators,
        })
    }

    fn listen(self) -> anyhow::Result<(TcpListener, Option<TcpListener>)> {
        let films = self.films.listen(BACKLOG);
        let films = films.context("can't listen (--listen)")?;
        let operators = self.operators.map(|socket| socket.listen(BACKLOG));
        let operators = operators.transpose();
        Ok((films, operators.context("can't listen (--metrics-listen)")?))
    }
}

/// Takes an address for this process; nobody can connect yet.
fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpSocket> {
    let take = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_reuseaddr(true)?; // lingering connections of an earlier server do not block the address
        socket.bind(address).map(|()| socket)
    };
    take().with_context(|| format!("can't listen on {address} ({flag})"))
}
