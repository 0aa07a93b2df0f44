//! Decides how much memory work on bytes of a stranger may take.

use peak_alloc::PeakAlloc;

#[global_allocator]
static COUNTED: PeakAlloc = PeakAlloc;

/// What `Limits` promises for each pixel that a decoder may be asked for.
pub const BYTES_PER_PIXEL: u64 = 16;
/// What a decoder may hold besides: its tables, some rows, chunks that it reads whole.
const SCRATCH_BYTES: u64 = 4 << 20;
/// A copy of the file, or the numbers that its digits say, in a list that doubles as it grows.
const BYTES_PER_BYTE: u64 = 12;

/// Does `work`, and returns its result with the most memory that it held at a time.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = COUNTED.current_usage();
    COUNTED.reset_peak_usage();
    let result = work();
    (result, COUNTED.peak_usage().saturating_sub(before) as u64)
}

/// The most memory that work on a file of `length` bytes, of an image of as many pixels, may take.
pub fn bound(length: usize, pixels: u64) -> u64 {
    BYTES_PER_PIXEL * pixels + BYTES_PER_BYTE * length as u64 + SCRATCH_BYTES
}
