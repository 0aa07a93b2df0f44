//! Tests of `lungfield-segment` as a program, in one binary, since linking libtorch is slow.
#![expect(clippy::unwrap_used, reason = "a test panics if its setup fails")]

mod films;
mod inputs;
mod pinned;
mod runs;
mod workspace;
