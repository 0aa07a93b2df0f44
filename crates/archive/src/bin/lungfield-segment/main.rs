//! Segments whole archives: films of folders, lists, patterns or buckets in; masks and a table out.

mod run;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use lungfield_archive::settings::SegmentSettings;
use lungfield_archive::table::Tally;
use lungfield_support::log;
use tokio::signal::unix::{SignalKind, signal};

/// Some films have no mask.
const SOME_FAILED: u8 = 3;
/// What a shell reports of a program that a signal ended.
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
    // What still reads or decodes may not hold up the end.
    runtime.shutdown_background();
    Ok(match outcome {
        Ok(Some(tally)) => {
            drop(writeln!(io::stdout(), "{}", in_words(&tally))); // nobody may be left to read it
            if tally.failed == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(SOME_FAILED)
            }
        }
        Ok(None) => {
            say("stopped; the same command goes on from here");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    })
}

/// Tells the user, who may have closed standard error.
fn say(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Completes at the first SIGTERM or SIGINT; the second ends the process.
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
    let (first, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        next().await;
        let _ = first.send(()); // the run has ended already
        next().await;
        std::process::exit(INTERRUPTED.into());
    });
    Ok(async move { drop(told.await) })
}

fn in_words(tally: &Tally) -> String {
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
