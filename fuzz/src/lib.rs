//! Decides what the fuzz targets share: how much memory a decoder may take, and the service that requests are put to.

pub mod memory;
pub mod service;

use lungfield_codec::Limits;

/// The most pixels of an image here: enough for every path of a decoder, few enough for hundreds of films a second.
pub const LIMITS: Limits = Limits {
    max_pixels: 1 << 20,
};

/// The size of the images in `crates/codec/tests/fixtures/images`.
pub const FIXTURE: (u32, u32) = (64, 48);
