//! Lungfield segments the lung fields of frontal chest X-rays.
//!
//! One request has one way through: bytes are decoded to a [`radiograph`], prepared for the model ([`preprocess`]),
//! segmented by the [`engine`], restored to the film's own pixel grid ([`postprocess`]) and encoded ([`codec`]).
//! `ARCHITECTURE.md` draws the house floor by floor.

#[cfg(not(fuzzing))] // the fuzzer's own allocator counts, or looks for what is read out of bounds
mod allocator;
pub mod archive;
pub mod bulk;
pub mod codec;
pub mod config;
pub mod cryptography;
pub mod drawing;
pub mod engine;
pub mod evaluation;
pub mod files;
pub mod geometry;
pub mod http;
pub mod loading;
pub mod lungs;
pub mod mask;
pub mod metrics;
pub mod model;
pub mod network;
pub mod overlap;
pub mod phantom;
pub mod pipeline;
pub mod postprocess;
pub mod preprocess;
pub mod radiograph;
pub mod scoring;
pub mod serve;
pub mod surface;
pub mod telemetry;
pub mod train;
pub mod training;
