//! Serves a model over HTTP: films in, lung masks out.

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use lungfield::config::{MetricsListen, ServeSettings};
use lungfield::serve;
use lungfield::serve::{Orders, Sockets};
use lungfield::telemetry::Traces;
use lungfield_support::log;
use tokio::net::TcpSocket;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

fn main() -> anyhow::Result<ExitCode> {
    let settings = ServeSettings::parse();
    if let Err(contradiction) = settings.check() {
        ServeSettings::command()
            .error(ErrorKind::ArgumentConflict, contradiction)
            .exit();
    }
    if settings.health_check {
        return Ok(check_health(&settings));
    }
    let traces = settings.traces.otlp_endpoint.as_deref();
    let traces = traces
        .map(Traces::to)
        .transpose()
        .context("traces can't be sent (--otlp-endpoint)")?;
    if let Err(error) = log::init(&settings.log, traces.as_ref().map(Traces::layer)) {
        let filter = &settings.log.log_filter;
        let refusal = format!("--log-filter {filter:?} can't be read: {error}");
        ServeSettings::command()
            .error(ErrorKind::InvalidValue, refusal)
            .exit();
    }
    log::hide_panic_messages();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(run(&settings));
    // What still decodes or computes may not hold up the end.
    runtime.shutdown_background();
    drop(traces);
    Ok(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if tracing::enabled!(tracing::Level::ERROR) {
                tracing::error!("{error:#}");
            } else {
                // A filter that silences the log is no reason to end without a word.
                drop(writeln!(io::stderr(), "{error:#}"));
            }
            ExitCode::FAILURE
        }
    })
}

/// Says in a line whether a server with these settings is ready.
fn check_health(settings: &ServeSettings) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let healthy = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(serve::check_health(settings)));
    match healthy {
        Ok(()) => {
            drop(writeln!(io::stdout(), "ready"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            drop(writeln!(io::stderr(), "{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: &ServeSettings) -> anyhow::Result<()> {
    let orders = orders()?;
    let films = bind(settings.listen, "--listen")?;
    let operators = match settings.access.metrics_listen {
        MetricsListen::Off => None,
        MetricsListen::At(address) => Some(bind(address, "--metrics-listen")?),
    };
    serve::run(settings, Sockets { films, operators }, orders).await
}

/// Takes an address for this process; nobody can connect yet.
fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpSocket> {
    let take = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_reuseaddr(true)?; // connections of an earlier server that linger don't hold it up
        socket.bind(address).map(|()| socket)
    };
    take().with_context(|| format!("can't listen on {address} ({flag})"))
}

/// The first SIGTERM or SIGINT asks the server to leave, the second ends it; SIGHUP has it read its files again.
fn orders() -> anyhow::Result<Orders<impl Future<Output = ()>, impl Future<Output = ()>>> {
    let mut hang_up = signal(SignalKind::hangup())?;
    let (ask, reload) = mpsc::channel(1);
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            let _ = ask.try_send(()); // one that is to come reads the newest files, too
        }
    });
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (first, leave) = oneshot::channel();
    let (second, end) = oneshot::channel();
    tokio::spawn(async move {
        for told in [first, second] {
            either(&mut terminate, &mut interrupt).await;
            let _ = told.send(()); // the server has ended already
        }
    });
    let told = async |signal: oneshot::Receiver<()>| drop(signal.await);
    Ok(Orders {
        leave: told(leave),
        end: told(end),
        reload,
    })
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => (),
        _ = other.recv() => (),
    }
}
