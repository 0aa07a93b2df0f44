//! Decides how a model is trained: from cases on disk to a model directory.

pub mod augment;
pub mod average;
pub mod checkpoint;
pub mod dataset;
pub mod export;
pub mod feed;
pub mod journal;
pub mod learn;
pub mod loss;
pub mod optimiser;
mod orthogonal;
pub mod recipe;
pub mod sample;
pub mod sampler;
pub mod schedule;
pub mod split;
pub mod split_table;
pub mod validate;
