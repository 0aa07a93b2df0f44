//! Pins what callers and stores rely on, by literal values in `tests/fixtures/pinned`.
//!
//! A change of a pinned value comes in the commit that explains it, with a line in CHANGELOG.

mod answers;
mod catalogues;
mod objects;

/// Compares a text with the pinned file of this name.
#[track_caller]
fn assert_pinned(name: &str, found: &str) {
    lungfield_testing::pinned::assert_pinned(env!("CARGO_MANIFEST_DIR"), name, found);
}
