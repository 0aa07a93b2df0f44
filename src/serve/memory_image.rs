//! Decides what of the process's memory may reach a disk: nothing, since films are in it.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// One byte. That is too little for a file, and the one limit at which Linux starts no program that collects such images
/// either: at 0 it would.
const NEXT_TO_NOTHING: u64 = 1;

/// Has the system write no image of this process where it crashes.
pub(super) fn forbid() -> io::Result<()> {
    // A limit of 0 that somebody has set can't be raised.
    let limit = getrlimit(Resource::Core)
        .maximum
        .map_or(NEXT_TO_NOTHING, |set| set.min(NEXT_TO_NOTHING));
    Ok(setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        },
    )?)
}
