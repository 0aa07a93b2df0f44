//! Decides what must hold of any body that is sent as a form: the first byte says how large the pieces are in which it comes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lungfield_fuzz::service::{ask, form};

fuzz_target!(|bytes: &[u8]| {
    if let Some((&piece_bytes, body)) = bytes.split_first() {
        ask(form(body, usize::from(piece_bytes)));
    }
});
