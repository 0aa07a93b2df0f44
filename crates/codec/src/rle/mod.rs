//! Encodes masks as COCO run lengths, and decodes them.
//!
//! The pixels are read column by column, from top to bottom, and the lengths of the runs of equal
//! pixels are counted. The first count is that of background pixels, and is 0 if the first pixel is
//! lung. Then lung and background alternate.
//!
//! The compressed form is that of pycocotools: from the fourth count on, each count is replaced by
//! its difference to the count two before it, and the numbers are written as characters.

mod error;
mod json;
mod runs;
mod tally;
#[cfg(test)]
mod tests;
mod text;

pub use self::error::RleError;
pub use self::json::{CocoRle, Counts, from_json};
pub use self::runs::Rle;
