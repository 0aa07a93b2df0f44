//! Accepts connections: a limited number at a time, over TLS where it is configured, each within its timeouts.

use std::convert::Infallible;
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

/// The limits of the connections of one listener.
#[derive(Clone, Debug)]
pub(super) struct ConnectionOptions {
    /// The most connections at a time.
    pub(super) max_connections: usize,
    /// How long the head of a request may take, the handshake of TLS included.
    pub(super) header_timeout: Duration,
    /// How long written bytes may wait until the peer takes them.
    pub(super) write_timeout: Duration,
    /// The TLS configuration, without which connections are not encrypted. A new one applies to new connections.
    pub(super) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
}

/// The connections of one listener, and what serves them.
pub(super) struct Connections {
    app: Arc<App>,
    router: Router,
    builder: Builder<TokioExecutor>,
    graceful: GracefulShutdown,
    /// Dropped when the server drains; handshakes that are not done then end.
    closing: watch::Sender<()>,
    options: ConnectionOptions,
    permits: Arc<Semaphore>,
}

/// A connection that is counted as open until it is dropped.
struct Open {
    app: Arc<App>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// Prepares to serve `router`, whose connections are counted in the metrics of `app`.
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
        let permits = Arc::new(Semaphore::new(options.max_connections));
        let (graceful, closing) = (GracefulShutdown::new(), watch::Sender::new(()));
        Self {
            app: Arc::clone(app),
            router,
            builder,
            graceful,
            closing,
            options,
            permits,
        }
    }

    /// Accepts connections forever and serves each in a task of its own.
    pub(super) async fn accept(&self, listener: &TcpListener) -> Infallible {
        loop {
            let permit = Arc::clone(&self.permits)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _peer)) => self.open(stream, Open::new(&self.app, permit)),
                Err(error) => {
                    // Most likely the process is out of file descriptors: connections that end give some back.
                    tracing::warn!(error = %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Sets a connection up, and its handshake where it has one.
    fn open(&self, stream: TcpStream, open: Open) {
        let _ = stream.set_nodelay(true); // without it, responses are only slower
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

    /// Serves the stream that a handshake gives, in a task of its own.
    fn serve<S>(&self, handshake: impl Future<Output = io::Result<S>> + Send + 'static, open: Open)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let requested = Arc::new(Notify::new());
        let connection = self.connection(handshake, Arc::clone(&requested));
        // Hyper's own timeout begins only once a connection has shown which HTTP it speaks.
        let first_request =
            tokio::time::timeout(self.options.header_timeout, requested.notified_owned());
        tokio::spawn(async move {
            tokio::select! {
                Err(_elapsed) = first_request => tracing::debug!("closed a connection without a request"),
                () = connection => {}
            }
            drop(open);
        });
    }

    /// Returns the life of a connection, which notifies `requested` of every request.
    fn connection<H, S>(
        &self,
        handshake: H,
        requested: Arc<Notify>,
    ) -> impl Future<Output = ()> + Send + use<H, S>
    where
        H: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = self
            .router
            .clone()
            .map_request(move |request: Request<Incoming>| {
                requested.notify_one();
                request
            });
        let service = TowerToHyperService::new(service);
        let (builder, watcher) = (self.builder.clone(), self.graceful.watcher());
        let mut closing = self.closing.subscribe();
        async move {
            let shaken = tokio::select! {
                shaken = handshake => shaken,
                _closed = closing.changed() => return,
            };
            let stream = match shaken {
                Ok(stream) => stream,
                Err(error) => return tracing::debug!(error = %error, "a TLS handshake failed"),
            };
            drop(closing);
            let connection = builder
                .serve_connection(TokioIo::new(stream), service)
                .into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(error = %error, "a connection broke");
            }
        }
    }

    /// Waits until every request in flight is answered and the engine has stopped.
    pub(super) async fn drain(self) {
        drop(self.closing);
        self.graceful.shutdown().await;
        self.app.pipeline().engine().drain().await;
    }
}

impl Open {
    fn new(app: &Arc<App>, permit: OwnedSemaphorePermit) -> Self {
        app.metrics().connection_opened();
        Self {
            app: Arc::clone(app),
            _permit: permit,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.app.metrics().connection_closed();
    }
}
