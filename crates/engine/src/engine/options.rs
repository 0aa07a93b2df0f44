//! The options of an engine.

use std::num::NonZeroUsize;
use std::time::Duration;

/// The size of an engine's queue, and when it cuts a batch.
///
/// # Examples
/// Batches of up to 8 films, and at most 64 films that wait. A partial batch waits up to 5 ms for more films:
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
///
/// use lungfield_engine::EngineOptions;
///
/// let options = EngineOptions {
///     max_batch_size: NonZeroUsize::new(8).expect("8 is not 0"),
///     max_queue_delay: Duration::from_millis(5),
///     queue_capacity: NonZeroUsize::new(64).expect("64 is not 0"),
/// };
/// assert!(options.max_batch_size < options.queue_capacity);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// The largest number of films in one forward pass.
    pub max_batch_size: NonZeroUsize,
    /// How long a partial batch waits for more films while the device is free, from the arrival of its oldest film on.
    ///
    /// With zero the device never idles while a film waits. A wait that would cost a film its deadline is skipped.
    pub max_queue_delay: Duration,
    /// The number of places in the queue. A film holds its place from [`Engine::reserve`] until its batch is cut; films
    /// in the forward pass hold none.
    ///
    /// [`Engine::reserve`]: super::Engine::reserve
    pub queue_capacity: NonZeroUsize,
}
