//! What all programs of Lungfield share: files that appear whole or not at all, the allocator, the TLS provider,
//! the log, progress, and flags.

#[cfg(not(fuzzing))]
// the fuzzer brings an allocator that counts, or that finds reads out of bounds
mod allocator;
pub mod files;
pub mod flags;
pub mod log;
pub mod progress;
pub mod sha256;
pub mod tls;
