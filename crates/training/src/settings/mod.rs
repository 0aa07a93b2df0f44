//! The flags of `lungfield-train` and `lungfield-evaluate`.

mod choices;
mod data;
mod evaluate;
mod train;

pub use self::data::{DataError, DataSettings};
pub use self::evaluate::EvaluateSettings;
pub use self::train::{InvalidFlag, RecipeFlags, SplitSettings, TrainSettings};
