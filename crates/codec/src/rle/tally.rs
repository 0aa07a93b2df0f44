//! Checks that counts add up to the pixels of a mask.

use lungfield_radiograph::geometry::Size;

use super::error::RleError;

/// The running sum of counts. It is compared with the number of pixels after each count, so that
/// bad counts are refused early.
pub(super) struct Tally {
    pixels: u64,
    total: u64,
    runs: u64,
}

impl Tally {
    /// Starts with no counts.
    pub(super) fn new(size: Size) -> Self {
        Self {
            pixels: size.pixels() as u64,
            total: 0,
            runs: 0,
        }
    }

    /// Adds a count, or returns an error if there are too many counts or if their sum is too large.
    pub(super) fn add(&mut self, count: u32) -> Result<(), RleError> {
        let pixels = self.pixels;
        self.runs += 1;
        // One run for each pixel, and the empty first run of a mask that begins with lung.
        if self.runs > pixels.saturating_add(1) {
            return Err(RleError::TooManyCounts { pixels });
        }
        self.total = self.total.saturating_add(u64::from(count));
        if self.total > pixels {
            Err(RleError::WrongSum { pixels })
        } else {
            Ok(())
        }
    }

    /// Checks that the counts add up to the number of pixels.
    pub(super) fn finish(self) -> Result<(), RleError> {
        let pixels = self.pixels;
        if self.total == pixels {
            Ok(())
        } else {
            Err(RleError::WrongSum { pixels })
        }
    }
}
