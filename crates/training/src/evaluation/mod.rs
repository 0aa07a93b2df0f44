//! Evaluation: a model is scored on data sets, the scores are summed up, and a report is written.

pub mod calibration;
pub mod evaluator;
#[cfg(test)]
mod fixtures;
pub mod measure;
pub mod report;
pub mod statistics;
pub mod summary;
pub mod warning_counts;
