//! Segments the films of folders, lists, patterns or buckets, and writes masks and a table.

mod run;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use lungfield_archive::settings::SegmentSettings;
use lungfield_archive::table::Tally;
use lungfield_support::log;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code if some films have no mask.
const SOME_FAILED: u8 = 3;
/// The exit code if the run was asked to stop, as a shell gives it for SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> anyhow::Result<ExitCode> {
    let settings = SegmentSettings::parse();
    if let Err(contradiction) = settings.check() {
        SegmentSettings::command()
            .error(ErrorKind::ArgumentConflict, contradiction)
            .exit();
    }
    if let Err(error) = log::init(&settings.log, []) {
        SegmentSettings::command()
            .error(ErrorKind::InvalidValue, error)
            .exit();
    }
    log::hide_panic_messages();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async { run::segment(&settings, first_signal()?).await });
    // Threads that still read or decode must not delay the end.
    runtime.shutdown_background();
    Ok(match outcome {
        Ok(Some(tally)) => {
            drop(writeln!(io::stdout(), "{}", summary(&tally))); // standard output may be closed
            if tally.failed == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(SOME_FAILED)
            }
        }
        Ok(None) => {
            report("stopped; run the same command again to continue");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            report(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    })
}

/// Writes a line to standard error, which may be closed.
fn report(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Returns a future that completes at the first SIGTERM or SIGINT. The second ends the process.
fn first_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let mut next = async move || {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    };
    let (first, received) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        next().await;
        let _ = first.send(()); // the run has ended already
        next().await;
        std::process::exit(INTERRUPTED.into());
    });
    Ok(async move { drop(received.await) })
}

/// Returns the counts of a run as a sentence.
fn summary(tally: &Tally) -> String {
    let Tally {
        films,
        failed,
        warned,
        ..
    } = *tally;
    let dice = tally.mean_dice().map_or(String::new(), |dice| {
        format!(
            ", mean Dice {dice:.4} with {} reference masks",
            tally.measured
        )
    });
    format!(
        "{films} films: {} masks, {failed} without one, {warned} with warnings{dice}",
        films - failed
    )
}
