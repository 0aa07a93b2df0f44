//! Helpers for the tests of several crates: phantoms, a small model, programs that run, and pinned values.
//!
//! This crate is not published.
#![expect(clippy::unwrap_used, reason = "a test panics if its setup fails")]

pub mod pinned;
pub mod program;
pub mod small;

use std::time::Duration;

/// The time after which a test gives up waiting. It is long, since the machine may be busy.
pub const TEST_TIMEOUT: Duration = Duration::from_mins(1);
