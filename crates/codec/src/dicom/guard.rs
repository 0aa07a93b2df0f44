//! Turns panics of decoders into errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{DecodeError, undecodable};

/// Runs a decoder. A panic in it means that the object is damaged, and becomes an error for its
/// sender.
pub(super) fn guarded<T>(
    decode: impl FnOnce() -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_panic| Err(undecodable("the object is damaged")))
}
