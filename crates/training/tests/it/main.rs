//! Tests of training and evaluation as programs.
#![expect(clippy::unwrap_used, reason = "a test panics if its setup fails")]

mod pinned;
mod resuming;
mod training;

pub(crate) const TRAIN: &str = env!("CARGO_BIN_EXE_lungfield-train");
pub(crate) const EVALUATE: &str = env!("CARGO_BIN_EXE_lungfield-evaluate");
