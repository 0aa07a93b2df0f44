//! What the tests of several crates share: phantoms, a small model, and programs that run. It is not published.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its world does not come about"
)]

pub mod pinned;
pub mod program;
pub mod small;

use std::time::Duration;

/// Long enough for anything that ends at all, on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_mins(1);
