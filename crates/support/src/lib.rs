//! What all programs of Lungfield share: files that appear whole or not at all, hashes, the log, progress on a terminal,
//! command-line flags, the TLS provider and the allocator.
//!
//! A program that links this crate allocates with jemalloc, for libtorch's memory as well. Nothing has to be called for
//! that.
//!
//! # Examples
//! Write a file, and compute its hash:
//!
//! ```
//! use lungfield_support::{files, sha256};
//!
//! # let directory = tempfile::tempdir()?;
//! let path = directory.path().join("masks.csv");
//! files::replace(&path, b"film,lung_px\n")?;
//! let hash = sha256::hex_of_reader(std::fs::File::open(&path)?)?;
//! assert_eq!(hash, sha256::hex(b"film,lung_px\n"));
//! # Ok::<_, std::io::Error>(())
//! ```

#[cfg(not(fuzzing))]
// the fuzzer brings an allocator that counts memory or finds reads out of bounds
mod allocator;
pub mod files;
pub mod flags;
pub mod log;
pub mod progress;
pub mod sha256;
pub mod tls;
