//! Decides how connections come in: how many at a time, encrypted or not, how long one may take to come to its request, and how long to read
//! its answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::ServiceExt;

use crate::http::App;

/// How long accepting pauses when the system has no connection to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a listener allows its callers.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// The most connections at a time.
    pub max_connections: usize,
    /// How long a request's head may take, the handshake of TLS included.
    pub header_timeout: Duration,
    /// How long bytes may wait for whoever is to read them.
    pub write_timeout: Duration,
    /// How connections are encrypted, where they are; a new one counts for those that come after it.
    pub tls: Option<watch::Receiver<Arc<ServerConfig>>>,
}

/// Everything that serves the connections of one listener.
pub(super) struct Connections {
    app: Arc<App>,
    router: Router,
    builder: Builder<TokioExecutor>,
    graceful: GracefulShutdown,
    /// Closes when no handshake is worth its end any more.
    closing: watch::Sender<()>,
    options: ConnectionOptions,
    free: Arc<Semaphore>,
}

/// What never comes.
pub(super) enum Never {}

/// A connection that counts as open until it is dropped.
struct Open {
    app: Arc<App>,
    _free: OwnedSemaphorePermit,
}

impl Connections {
    /// Connections to `router`, which is a part of what `app` serves.
    pub(super) fn new(app: &Arc<App>, router: Router, options: ConnectionOptions) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(options.header_timeout);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(options.header_timeout);
        let free = Arc::new(Semaphore::new(options.max_connections));
        let (graceful, closing) = (GracefulShutdown::new(), watch::Sender::new(()));
        Self {
            app: Arc::clone(app),
            router,
            builder,
            graceful,
            closing,
            options,
            free,
        }
    }

    pub(super) async fn accept(&self, listener: &TcpListener) -> Never {
        loop {
            let free = Arc::clone(&self.free)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _peer)) => self.open(stream, Open::new(&self.app, free)),
                Err(error) => {
                    // Out of file descriptors, most likely: connections that end give some back.
                    tracing::warn!(error = %error, "no connection was accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn open(&self, stream: TcpStream, open: Open) {
        let _ = stream.set_nodelay(true); // an answer is written at once; without it, it is only slower
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.options.write_timeout));
        let stream = Box::pin(stream);
        match &self.options.tls {
            None => self.serve(async { Ok(stream) }, open),
            Some(tls) => self.serve(
                TlsAcceptor::from(Arc::clone(&tls.borrow())).accept(stream),
                open,
            ),
        }
    }

    /// Serves what comes out of a handshake.
    fn serve<S>(&self, handshake: impl Future<Output = io::Result<S>> + Send + 'static, open: Open)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let asked = Arc::new(Notify::new());
        let asks = Arc::clone(&asked);
        let service = self
            .router
            .clone()
            .map_request(move |request: Request<Incoming>| {
                asks.notify_one();
                request
            });
        let service = TowerToHyperService::new(service);
        let (builder, watcher) = (self.builder.clone(), self.graceful.watcher());
        let mut closing = self.closing.subscribe();
        let connection = async move {
            let shaken = tokio::select! {
                shaken = handshake => shaken,
                _closed = closing.changed() => return,
            };
            let stream = match shaken {
                Ok(stream) => stream,
                Err(error) => return tracing::debug!(error = %error, "a handshake failed"),
            };
            drop(closing);
            let connection = builder
                .serve_connection(TokioIo::new(stream), service)
                .into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(error = %error, "a connection broke");
            }
        };
        // Hyper's own timeout begins only once a connection has shown which HTTP it speaks.
        let first_request =
            tokio::time::timeout(self.options.header_timeout, asked.notified_owned());
        tokio::spawn(async move {
            tokio::select! {
                Err(_elapsed) = first_request => tracing::debug!("a connection came to no request"),
                () = connection => {}
            }
            drop(open);
        });
    }

    /// Waits until every request in flight is answered and the engine has ended.
    pub(super) async fn drain(self) {
        drop(self.closing);
        self.graceful.shutdown().await;
        self.app.pipeline().engine().drain().await;
    }
}

impl Open {
    fn new(app: &Arc<App>, free: OwnedSemaphorePermit) -> Self {
        app.metrics().connection_opened();
        Self {
            app: Arc::clone(app),
            _free: free,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.app.metrics().connection_closed();
    }
}
