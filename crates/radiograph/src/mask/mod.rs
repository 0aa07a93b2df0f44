//! Probability maps on the model grid, binary masks on the grid of a film, and the threshold
//! between them.

mod bits;
mod probability;
mod row;
mod threshold;

pub use bits::Mask;
pub use probability::ProbabilityMap;
pub use row::Row;
pub use threshold::Threshold;
