//! Decides how a model is scored on a data set, and how the scores are summed up.

pub mod score;
pub mod summary;
