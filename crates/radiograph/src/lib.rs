//! Chest radiographs, the masks of their lungs, and what is measured on them, as plain arrays.
//!
//! Nothing here reads files, waits, or computes on tensors.

pub mod geometry;
pub mod lungs;
pub mod mask;
pub mod overlap;
pub mod phantom;
pub mod postprocess;
pub mod preprocess;
pub mod radiograph;
pub mod surface;
