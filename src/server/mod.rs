//! Accepts connections, serves an application on them, and drains them when the server stops.
//!
//! [`listen`] serves callers, [`operate`] serves metrics and health to those who run the server. Both take a listener that is
//! bound already, so a test listens on port 0 and needs no signals.

mod connections;
pub mod reload;
pub mod tls;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use lungfield_engine::Health;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;

use self::connections::{ConnectionOptions, Connections};
use crate::config::ListenSettings;
use crate::http::{App, Phase, operator_router, router};

/// How long the drain may take where the model is lost: requests that wait for it are answered at once.
const LOST_TIMEOUT: Duration = Duration::from_secs(5);
/// The most connections of operators at a time.
const MAX_OPERATORS: usize = 16;

/// How a server listens.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// The limits of connections, and how the server stops.
    pub settings: ListenSettings,
    /// The TLS configuration, without which connections are not encrypted. A new one applies to new connections.
    pub tls: Option<watch::Receiver<Arc<ServerConfig>>>,
}

/// Why a server stopped although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The listener has no address.
    #[error("the listener has no address: {0}")]
    Address(#[from] io::Error),
    /// The model failed for good; the process should exit and be started again.
    #[error("the model is lost; the log says why")]
    ModelLost,
}

/// Serves an application on a listener until `leave` completes, then drains its connections.
///
/// While it leaves, it first serves for `drain_delay` and says that it is not ready; then it closes the listener and finishes
/// the requests in flight. `phase` follows: [`Phase::Leaving`], then [`Phase::Draining`].
///
/// # Errors
/// Where the model is lost. The drain is then short.
pub async fn listen(
    app: &Arc<App>,
    listener: TcpListener,
    options: ListenOptions,
    phase: watch::Sender<Phase>,
    leave: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let address = listener.local_addr()?;
    let scheme = if options.tls.is_some() {
        "https"
    } else {
        "http"
    };
    tracing::info!(http.address = %address, "listening on {scheme}://{address}");
    let ListenOptions { settings, tls } = options;
    let limits = ConnectionOptions {
        max_connections: settings.max_connections.get(),
        header_timeout: settings.header_timeout,
        write_timeout: app.options().write_timeout,
        tls,
    };
    let connections = Connections::new(app, router(Arc::clone(app)), limits);
    let is_model_lost = tokio::select! {
        never = connections.accept(&listener) => match never {},
        () = leaving(leave, &phase, settings.drain_delay) => false,
        () = model_lost(app) => true,
    };
    drop(listener);
    phase.send_replace(Phase::Draining);
    if is_model_lost {
        drain(connections, LOST_TIMEOUT).await;
        return Err(ServerError::ModelLost);
    }
    drain(connections, settings.drain_timeout).await;
    Ok(())
}

/// Serves metrics and health to operators for as long as the server lives, its drain included.
///
/// # Errors
/// Where the listener has no address.
pub async fn operate(
    app: &Arc<App>,
    listener: TcpListener,
    header_timeout: Duration,
) -> Result<Infallible, ServerError> {
    let address = listener.local_addr()?;
    tracing::info!(metrics.address = %address, "metrics at http://{address}/metrics");
    let options = ConnectionOptions {
        max_connections: MAX_OPERATORS,
        header_timeout,
        write_timeout: header_timeout,
        tls: None,
    };
    let connections = Connections::new(app, operator_router(Arc::clone(app)), options);
    Ok(connections.accept(&listener).await)
}

/// Waits until the server is asked to leave, and serves on for the drain delay.
async fn leaving(
    leave: impl Future<Output = ()>,
    phase: &watch::Sender<Phase>,
    drain_delay: Duration,
) {
    leave.await;
    phase.send_replace(Phase::Leaving);
    tracing::info!(
        drain_delay_ms = drain_delay.as_millis(),
        "leaving: not ready, still serving"
    );
    tokio::time::sleep(drain_delay).await;
}

/// Waits until the model has failed for good.
async fn model_lost(app: &App) {
    let mut health = app.pipeline().engine().health();
    let _ = health.wait_for(|health| *health == Health::Failed).await; // closed: the engine is gone too
}

/// Finishes the requests in flight, for at most `timeout`.
async fn drain(connections: Connections, timeout: Duration) {
    tracing::info!(drain_timeout_ms = timeout.as_millis(), "draining");
    match tokio::time::timeout(timeout, connections.drain()).await {
        Ok(()) => tracing::info!("drained"),
        Err(_elapsed) => {
            tracing::warn!("the drain timed out; some requests were not answered");
        }
    }
}
