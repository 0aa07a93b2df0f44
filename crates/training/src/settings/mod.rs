//! The flags of `lungfield-train` and `lungfield-evaluate`.

mod data;
mod evaluate;
mod train;

pub use self::data::{DataError, DataSettings};
pub use self::evaluate::EvaluateSettings;
pub use self::train::{SplitSettings, TrainSettings};
