//! Trains lung segmentation networks and evaluates them: data sets, splits, augmentation, the training loop, scores and
//! their report.

pub mod dataset;
pub mod evaluation;
mod network;
pub mod plot;
mod random;
pub mod settings;
pub mod train;
