//! Decides where the memory of every program comes from: from jemalloc, for libtorch's planes too.
//!
//! libtorch allocates every plane of a pass anew. glibc gives such planes back to the system when a pass ends, and each page
//! that is taken again is cleared by the system: thousands of page faults a film, 4 to 8 % of its time. jemalloc keeps what
//! was freed for some ten seconds, for whichever thread asks next, and then gives it back: a busy server has no such faults,
//! and an idle one little more memory than the weights. `.cargo/config.toml` has its settings, which are compiled in.

use tikv_jemallocator::Jemalloc;

/// The symbols of C's allocator are its own, so what libtorch allocates goes the same way.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;
