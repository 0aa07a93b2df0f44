//! Decides how a model is trained: from cases on disk to a model directory.

pub mod augment;
pub mod average;
pub mod dataset;
pub mod export;
pub mod feed;
pub mod learn;
pub mod loss;
pub mod optimiser;
pub mod sample;
pub mod schedule;
pub mod validate;
