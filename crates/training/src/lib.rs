//! Trains lung segmentation networks and evaluates them: data sets, splits, augmentation, the training loop, scores and
//! their report.

pub mod drawing;
pub mod evaluation;
pub mod settings;
pub mod train;
