//! Trains a model on one or several data sets and writes a model directory.

mod films;
mod observe;
mod run;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use lungfield_training::settings::TrainSettings;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use self::run::{Ended, train};

/// The exit code of a program that a signal ended, as shells report it.
const INTERRUPTED: u8 = 130;

fn main() -> anyhow::Result<ExitCode> {
    let settings = TrainSettings::parse();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Hooks run in this order: the first signal sets the flag, and the second one finds it set.
        flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(match train(&settings, stop)? {
        Ended::Finished => ExitCode::SUCCESS,
        Ended::Stopped => ExitCode::from(INTERRUPTED),
    })
}
