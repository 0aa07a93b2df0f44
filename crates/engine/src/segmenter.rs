//! Defines what an engine asks of a model: a batch of planes in, a probability map for each plane out.

use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// A trained network on one device, as the engine sees it.
///
/// A segmenter is built, used and dropped on one model thread, so it need be neither `Send` nor `Sync`.
///
/// # Examples
/// A segmenter that finds lung wherever a plane is brighter than 0:
///
/// ```
/// use lungfield_engine::segmenter::{SegmentError, Segmenter};
/// use lungfield_radiograph::geometry::ModelInput;
/// use lungfield_radiograph::mask::ProbabilityMap;
///
/// struct Bright;
///
/// impl Segmenter for Bright {
///     fn segment(&mut self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, SegmentError> {
///         let map = |plane: &&ModelInput| {
///             let lung = |&grey: &f32| if grey > 0.0 { 1.0 } else { 0.0 };
///             let values = plane.pixels().iter().map(lung).collect();
///             ProbabilityMap::new(plane.side(), values).expect("a map is as large as its plane")
///         };
///         Ok(batch.iter().map(map).collect())
///     }
/// }
///
/// let plane = ModelInput::new(2, vec![-1.0, -0.5, 0.5, 1.0]).expect("the plane is square");
/// let maps = Bright.segment(&[&plane])?;
/// assert_eq!(maps[0].values(), [0.0, 0.0, 1.0, 1.0]);
/// # Ok::<_, SegmentError>(())
/// ```
pub trait Segmenter {
    /// Segments a batch: returns one map for each plane, in the same order. The map of a plane does not depend on the
    /// other planes of its batch.
    ///
    /// The engine never passes an empty batch, nor one of more planes than [`EngineOptions::max_batch_size`].
    ///
    /// # Errors
    /// Returns a [`SegmentError`] for the whole batch. Its variant tells the engine what to do next.
    ///
    /// [`EngineOptions::max_batch_size`]: crate::EngineOptions::max_batch_size
    fn segment(&mut self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, SegmentError>;
}

/// The error of a batch that was not segmented. Each variant is a different next step of the engine.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The device has too little memory for this batch. The engine tries two smaller ones, once.
    #[error("the device is out of memory")]
    OutOfMemory,
    /// The batch failed, but the device works. The engine runs each film alone, once.
    #[error("the forward pass failed: {0}")]
    Failed(String),
    /// The device is lost: none of its later results can be trusted. The engine stops.
    #[error("the device failed: {0}")]
    Fatal(String),
}
