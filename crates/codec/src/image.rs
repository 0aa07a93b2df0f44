//! Images as they arrive: the bytes of a file, or plain samples whose size is known.

use bytes::Bytes;

use crate::dicom::{self, Origin};
use crate::reference::{ReferenceError, cut, decode_reference};
use crate::rendering::RenderError;
use crate::{DecodeError, Limits, decode};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// A film or a reference mask that is not decoded yet.
///
/// ```
/// use lungfield_codec::{Image, Limits, Samples};
/// use lungfield_radiograph::geometry::Size;
///
/// let size = Size::new(64, 48).unwrap();
/// let samples = Samples::new(size, vec![7; 64 * 48].into()).unwrap();
/// let film = Image::Samples(samples).decode(Limits::default())?;
/// assert_eq!(film.size(), size);
/// # Ok::<(), lungfield_codec::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub enum Image {
    /// The bytes of a file in one of [`INPUT_FORMATS`](crate::formats::INPUT_FORMATS).
    File(Bytes),
    /// Samples of 8 bits, row by row.
    Samples(Samples),
}

/// Samples of 8 bits, one for each pixel.
#[derive(Clone, Debug)]
pub struct Samples {
    size: Size,
    values: Bytes,
}

impl Samples {
    /// Creates samples of an image of this size, row by row. Returns `None` where there are more or fewer values than pixels.
    #[must_use]
    pub fn new(size: Size, values: Bytes) -> Option<Self> {
        (values.len() == size.pixels()).then_some(Self { size, values })
    }

    /// Converts the samples to a film, each by `value`. Fails where the size is outside of the limits.
    fn radiograph(
        &self,
        limits: Limits,
        value: impl Fn(u8) -> u8,
    ) -> Result<Radiograph, DecodeError> {
        let size = limits.admit(self.size.width(), self.size.height())?;
        let values = self.values.iter().map(|&sample| value(sample)).collect();
        Ok(Radiograph::new(size, Pixels::Eight(values), None)
            .expect("there is a sample for each pixel"))
    }

    /// Returns the factor that brings a mask of 0 and 1 to the full range, and 1 for any other.
    fn gain(&self) -> u8 {
        if self.values.iter().all(|&sample| sample <= 1) {
            u8::MAX
        } else {
            1
        }
    }
}

impl From<Bytes> for Image {
    fn from(bytes: Bytes) -> Self {
        Self::File(bytes)
    }
}

impl Image {
    /// Returns whether there are no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Returns the bytes as they arrived.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::File(bytes) => bytes,
            Self::Samples(samples) => &samples.values,
        }
    }

    /// Decodes the image as a film.
    pub fn decode(&self, limits: Limits) -> Result<Radiograph, DecodeError> {
        match self {
            Self::File(bytes) => decode(bytes, &limits),
            Self::Samples(samples) => samples.radiograph(limits, |sample| sample),
        }
    }

    /// Decodes the image as the reference mask of a film of this size.
    ///
    /// Files are read by [`decode_reference`]. Samples are cut at half of their range, or above 0 where none is above 1.
    pub fn decode_reference(&self, film: Size, limits: Limits) -> Result<Mask, ReferenceError> {
        match self {
            Self::File(bytes) => decode_reference(bytes, film, &limits),
            Self::Samples(samples) => {
                let gain = samples.gain();
                cut(&samples.radiograph(limits, |sample| sample * gain)?, film)
            }
        }
    }

    /// Reads the patient, study and UIDs of a DICOM film.
    ///
    /// Fails with [`RenderError::NotDicom`] where the image is readable but is no DICOM object.
    pub fn origin(&self, limits: Limits) -> Result<Origin, RenderError> {
        match self {
            Self::File(bytes) if dicom::is_dicom(bytes) => Ok(Origin::read(bytes, limits)?),
            other => {
                // An unreadable file is reported as unreadable.
                other.decode(limits)?;
                Err(RenderError::NotDicom)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(value: impl Fn(usize) -> u8) -> Image {
        let size = Size::new(40, 32).unwrap();
        let values: Vec<u8> = (0..size.pixels()).map(value).collect();
        Image::Samples(Samples::new(size, values.into()).unwrap())
    }

    #[test]
    fn a_mask_of_samples_is_cut_at_half_scale_or_above_nothing() {
        let size = Size::new(40, 32).unwrap();
        let area = |image: Image| {
            let mask = image.decode_reference(size, Limits::default());
            mask.unwrap().area_px()
        };
        assert_eq!(area(samples(|place| u8::from(place < 7))), 7);
        assert_eq!(area(samples(|place| if place < 7 { 255 } else { 127 })), 7);
        assert_eq!(area(samples(|_| 0)), 0);
        let other = Size::new(32, 40).unwrap();
        let mismatch = samples(|_| 0).decode_reference(other, Limits::default());
        assert!(matches!(mismatch, Err(ReferenceError::SizeMismatch { .. })));
    }

    #[test]
    fn samples_keep_to_the_limits_of_films() {
        let size = Size::new(40, 32).unwrap();
        assert!(Samples::new(size, Bytes::from(vec![0; 40 * 32 - 1])).is_none());
        let few = Limits { max_pixels: 1000 };
        assert!(matches!(
            samples(|_| 0).decode(few),
            Err(DecodeError::TooManyPixels { .. })
        ));
        let thin = Samples::new(Size::new(31, 32).unwrap(), Bytes::from(vec![0; 31 * 32])).unwrap();
        let thin = Image::Samples(thin).decode(Limits::default());
        assert!(matches!(thin, Err(DecodeError::TooSmall { .. })));
    }

    #[test]
    fn only_dicom_has_an_origin_and_what_is_unreadable_is_said_to_be() {
        let film = samples(|_| 0).origin(Limits::default());
        assert!(matches!(film, Err(RenderError::NotDicom)));
        let nothing = Image::from(Bytes::from_static(b"no film")).origin(Limits::default());
        assert!(matches!(
            nothing,
            Err(RenderError::Film(DecodeError::Unrecognised))
        ));
    }
}
