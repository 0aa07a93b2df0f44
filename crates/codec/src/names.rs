//! How files of reference masks are named after the films that they belong to.

/// What the name of a reference mask may add to the stem of its film's name: nothing, `_mask` or `-mask`.
pub const MASK_SUFFIXES: [&str; 3] = ["", "_mask", "-mask"];
