//! Decides what must hold of any request: its path, its query, its headers, its body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lungfield_fuzz::service::{ask, parse};

/// Seams within a body are what the target `upload` looks for.
const PIECE_BYTES: usize = 512;

fuzz_target!(|text: &[u8]| {
    if let Some(request) = parse(text, PIECE_BYTES) {
        ask(request);
    }
});
