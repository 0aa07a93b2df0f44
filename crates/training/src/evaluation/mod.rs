//! Decides how a model is scored on a data set, how the scores are summed up, and how they are shown.

pub mod calibration;
pub mod measure;
pub mod report;
pub mod score;
pub mod statistics;
pub mod summary;
pub mod warned;
