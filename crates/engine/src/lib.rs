//! Runs a segmentation model for many callers at a time.
//!
//! An [`Engine`] owns a bounded queue and one or more model threads. Each model thread owns a [`Segmenter`](segmenter::Segmenter), takes a batch
//! of planes from the queue whenever it is free, and replies to every caller with the [`ProbabilityMap`] of its plane. A
//! [`Pipeline`] adds the steps around it: the bytes of a film in, its segmentation out.
//!
//! The crate needs tokio for callers that wait. It does not know which network a segmenter runs: `lungfield-model` has one
//! on libtorch.
//!
//! [`Pipeline`]: pipeline::Pipeline
//! [`ProbabilityMap`]: lungfield_radiograph::mask::ProbabilityMap
//!
//! # Features
//! `fake` adds the module `fake`: a segmenter without a network, for tests.
//!
//! # Examples
//! An engine with a fake segmenter, which returns each plane as its map:
//!
//! ```
//! use std::convert::Infallible;
//! use std::num::NonZeroUsize;
//! use std::time::{Duration, Instant};
//!
//! use lungfield_engine::fake::{Behaviour, FakeSegmenter};
//! use lungfield_engine::{Engine, EngineOptions};
//! use lungfield_radiograph::geometry::ModelInput;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = EngineOptions {
//!     max_batch_size: NonZeroUsize::MIN,
//!     max_queue_delay: Duration::ZERO,
//!     queue_capacity: NonZeroUsize::MIN,
//! };
//! let build = || Ok::<_, Infallible>(FakeSegmenter::new(Behaviour::Echo));
//! let engine = Engine::start(options, [build])?;
//!
//! let place = engine.reserve()?;
//! let plane = ModelInput::new(2, vec![0.0, 0.25, 0.5, 1.0]).expect("the plane is square");
//! let deadline = Instant::now() + Duration::from_secs(30);
//! let segmented = place.segment(plane, deadline).await?;
//! assert_eq!(segmented.map.values(), [0.0, 0.25, 0.5, 1.0]);
//!
//! engine.drain().await;
//! # Ok(())
//! # }
//! ```

mod engine;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub mod pipeline;
pub mod segmenter;

pub use self::engine::{
    BatchCause, BatchCounts, Engine, EngineCounts, EngineError, EngineOptions, Health, Place,
    Segmented, StartError,
};
