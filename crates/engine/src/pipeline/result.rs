//! The result of a film.

use std::time::Duration;

use lungfield_codec::rendering::Encoded;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::lungs::Lungs;
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::radiograph::PixelSpacing;
use lungfield_radiograph::warnings::Warning;

/// What is known of a segmented film, without its mask.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// The film's size.
    pub size: Size,
    /// The lungs of the mask.
    pub lungs: Lungs,
    /// The film's pixel spacing, where its file states it.
    pub spacing: Option<PixelSpacing>,
    /// The probability from which on a pixel is lung.
    pub threshold: Threshold,
    /// The overlap of the mask with the reference mask, where there is one.
    pub overlap: Option<Overlap>,
    /// Why the mask is doubtful.
    pub warnings: Vec<Warning>,
}

/// A film that was segmented, and what was made of its result.
#[derive(Clone, Debug)]
pub struct Completed<T> {
    /// What is known of the film.
    pub segmentation: Segmentation,
    /// What was made of the result.
    pub output: T,
    /// How long each step took.
    pub timings: Timings,
}

/// A film's result as it is sent or stored.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The result.
    pub encoded: Encoded,
    /// What is known of the film; `None` where the rendering shows the film alone, and the model was not asked.
    pub segmentation: Option<Segmentation>,
    /// How long each step took.
    pub timings: Timings,
}

/// How long each step of a segmentation took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Decoding and preprocessing, with the wait for a permit.
    pub decode: Duration,
    /// The wait for the model.
    pub queue: Duration,
    /// The forward pass.
    pub infer: Duration,
    /// Postprocessing and encoding, with the wait for a permit.
    pub encode: Duration,
}

impl Timings {
    /// Adds the times of another film.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            decode: self.decode + other.decode,
            queue: self.queue + other.queue,
            infer: self.infer + other.infer,
            encode: self.encode + other.encode,
        }
    }
}

impl Rendered {
    /// Creates the result of a film that the model was not asked about.
    pub(super) fn film(encoded: Encoded, decode: Duration) -> Self {
        Self {
            encoded,
            segmentation: None,
            timings: Timings {
                decode,
                ..Timings::default()
            },
        }
    }
}

impl From<Completed<Encoded>> for Rendered {
    fn from(completed: Completed<Encoded>) -> Self {
        Self {
            encoded: completed.output,
            segmentation: Some(completed.segmentation),
            timings: completed.timings,
        }
    }
}
