//! Trains a network: augmentation, loss, optimisers, the loop, checkpoints, the journal and the model directory.

pub mod augment;
pub mod average;
pub mod checkpoint;
pub mod export;
pub mod feed;
pub mod journal;
pub mod learn;
pub mod loss;
pub mod number;
pub mod optimiser;
mod orthogonal;
pub mod preset;
pub mod recipe;
pub mod sampler;
pub mod schedule;
pub mod validate;
