//! Decides what the engine may ask of a model: a batch of planes in, a probability map for each out.

use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// A trained network on one device, as the engine sees it. It lives and dies on one thread.
pub trait Segmenter {
    /// Segments a batch: one map per plane, in the same order, each as if its plane had been alone.
    ///
    /// The caller never passes an empty batch, nor one larger than the segmenter was warmed up for.
    fn segment(&mut self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, SegmentError>;
}

/// Why a batch was not segmented, told apart by what the engine does next.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The device had no memory left for this batch: a smaller one may fit.
    #[error("the device is out of memory")]
    OutOfMemory,
    /// The batch failed but the device is sound: its other films may succeed.
    #[error("the forward pass failed: {0}")]
    Failed(String),
    /// The device is lost: nothing that it answers from now on can be trusted.
    #[error("the device failed: {0}")]
    Fatal(String),
}
