//! The films that a pipeline takes.

use lungfield_codec::reference::ReferenceError;
use lungfield_codec::{Image, Limits};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

/// A film to segment, and perhaps the reference mask to compare its mask with.
#[derive(Clone, Debug)]
pub struct Film {
    /// The film.
    pub image: Image,
    /// Its reference mask, where there is one.
    pub reference: Option<Image>,
}

impl From<Image> for Film {
    /// A film without a reference mask.
    fn from(image: Image) -> Self {
        Self {
            image,
            reference: None,
        }
    }
}

/// Decodes the reference mask of a film of this size, where there is one.
pub(super) fn decode_reference(
    reference: Option<&Image>,
    film: Size,
    limits: Limits,
) -> Result<Option<Mask>, ReferenceError> {
    reference
        .map(|image| image.decode_reference(film, limits))
        .transpose()
}
