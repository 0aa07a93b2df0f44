//! Serves a model over HTTP: films in, lung masks out.

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use lungfield::config::{LogFormat, LogSettings, ServeSettings};
use lungfield::telemetry::LogOptions;
use lungfield::{serve, telemetry};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

fn main() -> anyhow::Result<ExitCode> {
    let settings = ServeSettings::parse();
    if let Err(contradiction) = settings.check() {
        ServeSettings::command().error(ErrorKind::ArgumentConflict, contradiction).exit();
    }
    let LogSettings { log_format, log_filter } = &settings.log;
    if let Err(error) =
        telemetry::log(LogOptions { json: *log_format == LogFormat::Json, filter: log_filter })
    {
        let refusal = format!("--log-filter {log_filter:?} can't be read: {error}");
        ServeSettings::command().error(ErrorKind::InvalidValue, refusal).exit();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(run(&settings));
    // What still decodes or computes may not hold up the end.
    runtime.shutdown_background();
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

async fn run(settings: &ServeSettings) -> anyhow::Result<()> {
    let (leave, end) = signals()?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("can't listen on {}", settings.listen))?;
    serve::run(settings, listener, leave, end).await
}

/// The first SIGTERM or SIGINT asks the server to leave, the second ends it.
fn signals() -> anyhow::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
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
    Ok((told(leave), told(end)))
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => (),
        _ = other.recv() => (),
    }
}
