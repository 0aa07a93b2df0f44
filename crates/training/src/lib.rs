//! Trains lung segmentation networks and evaluates them: data sets, splits, augmentation, the training loop, scores and
//! their report.

pub mod dataset;
pub mod drawing;
pub mod evaluation;
mod random;
pub mod settings;
pub mod train;
