//! Prevents core dumps: the memory of the process holds films, which must not reach a disk.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The largest core dump, in bytes. One byte is too small for a file, and the only limit at which Linux starts no program that
/// collects core dumps either: at 0 it would.
const MAX_BYTES: u64 = 1;

/// Makes the system write no core dump of this process.
pub(crate) fn forbid() -> io::Result<()> {
    // A hard limit of 0 that is set already cannot be raised.
    let limit = getrlimit(Resource::Core)
        .maximum
        .map_or(MAX_BYTES, |set| set.min(MAX_BYTES));
    Ok(setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        },
    )?)
}
