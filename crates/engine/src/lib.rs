//! Runs a segmentation model for many callers: a bounded queue, batches, model threads, and the pipeline from a file to
//! its segmentation.

mod engine;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub mod pipeline;
pub mod segmenter;

pub use self::engine::{
    BatchCounts, Cause, Engine, EngineCounts, EngineError, EngineOptions, Health, Place, Segmented,
    StartError,
};
