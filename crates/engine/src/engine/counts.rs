//! Counts of what an engine has done.

use std::collections::BTreeMap;

/// Counts of an engine since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineCounts {
    /// Batches that were cut.
    pub batches: u64,
    /// Films in these batches.
    pub jobs: u64,
    /// Films that were skipped because their caller had left. They cost no device time.
    pub departed: u64,
    /// Films that were skipped because their deadline had passed. They cost no device time.
    pub expired: u64,
}

/// The reason why a batch was cut when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchCause {
    /// The batch had the largest size.
    Full,
    /// The device was free, and there is no queue delay.
    DeviceFree,
    /// The oldest film had waited for the whole delay, or a longer wait would have cost a film its deadline.
    DelayOver,
    /// The engine was draining.
    Closing,
}

impl BatchCause {
    /// Returns the stable name of the cause, as metrics state it.
    ///
    /// # Examples
    /// ```
    /// use lungfield_engine::BatchCause;
    ///
    /// assert_eq!(BatchCause::DeviceFree.name(), "device_free");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::DeviceFree => "device_free",
            Self::DelayOver => "delay_over",
            Self::Closing => "closing",
        }
    }
}

/// Counts of an engine's batches since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Batches by their number of films.
    pub of_size: BTreeMap<usize, u64>,
    /// Batches by their cause.
    pub by_cause: BTreeMap<BatchCause, u64>,
}

impl BatchCounts {
    /// Counts a batch of `size` films.
    pub(super) fn add(&mut self, size: usize, cause: BatchCause) {
        *self.of_size.entry(size).or_default() += 1;
        *self.by_cause.entry(cause).or_default() += 1;
    }
}
