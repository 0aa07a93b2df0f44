//! Sets jemalloc as the allocator of the program, for libtorch's memory as well.
//!
//! libtorch allocates the planes of each forward pass anew. glibc returns such planes to the system at the end of a pass,
//! and the system clears each page that is taken again: thousands of page faults a film, 4 to 8 % of its time. jemalloc
//! keeps freed memory for some ten seconds, for any thread that asks next, and then returns it. So a busy server has no
//! such page faults, and an idle server uses little more memory than the weights need. The settings of jemalloc are
//! compiled in, from `.cargo/config.toml`.

use tikv_jemallocator::Jemalloc;

/// jemalloc also defines the symbols of C's allocator (`malloc`, `free`), which libtorch calls.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;
