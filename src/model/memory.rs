//! Decides how much of the memory that a forward pass frees is kept for the next.

use std::hint::black_box;

/// A block as large as a few of the planes of the shipped network, below the 32 MiB up to which glibc learns.
const BLOCK_BYTES: usize = 24 << 20;

/// Has the allocator keep the planes of a pass for the next one, up to some 50 MB for each model thread.
///
/// glibc takes its thresholds from the largest block that it has seen freed: it maps larger blocks from the system one by one,
/// and gives back what is free above twice that size. A pass frees more than that when it ends, and every page that is given
/// back is cleared by the system when the next pass takes it again: thousands of page faults a film, 4 to 8 % of its time.
/// Freeing one larger block teaches glibc a larger size; nothing is written to it, so it costs no memory. Other allocators
/// take no notice.
///
/// Call it once the model is warm: what the warm-up freed has been given back by then.
pub fn keep_planes() {
    drop(black_box(Vec::<u8>::with_capacity(BLOCK_BYTES)));
}
