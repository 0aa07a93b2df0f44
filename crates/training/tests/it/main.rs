//! Tests of training and evaluation as programs.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its world does not come about"
)]

mod pinned;
mod resuming;
mod training;

pub(crate) const TRAIN: &str = env!("CARGO_BIN_EXE_lungfield-train");
pub(crate) const EVALUATE: &str = env!("CARGO_BIN_EXE_lungfield-evaluate");
