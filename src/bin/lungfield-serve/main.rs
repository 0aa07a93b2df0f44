//! Serves a model over HTTP: films in, lung masks out.

mod access;
mod core_dumps;
mod health_check;
mod run;
mod signals;
mod telemetry;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use lungfield::config::ServeSettings;
use lungfield_support::log;

fn main() -> anyhow::Result<ExitCode> {
    let settings = ServeSettings::parse();
    if let Err(contradiction) = settings.check() {
        exit_with_usage(ErrorKind::ArgumentConflict, contradiction);
    }
    if settings.health_check {
        return Ok(check_health(&settings));
    }
    let telemetry = telemetry::start(&settings)?;
    log::hide_panic_messages();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(run::run(&settings));
    // Decoding and computing that is still running must not delay the exit.
    runtime.shutdown_background();
    drop(telemetry);
    Ok(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    })
}

/// Ends the program with a usage error, as clap does for a flag that it cannot parse.
fn exit_with_usage(kind: ErrorKind, message: String) -> ! {
    ServeSettings::command().error(kind, message).exit()
}

/// Logs the error that ended the server, or prints it where the log is filtered out.
fn report(error: &anyhow::Error) {
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!("{error:#}");
    } else {
        drop(writeln!(io::stderr(), "{error:#}"));
    }
}

/// Prints whether a server with these settings is ready.
fn check_health(settings: &ServeSettings) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let healthy = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(health_check::check(settings)));
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
