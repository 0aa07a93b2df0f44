//! Decides what a film and its reference mask come as: a file in some format, or plain samples whose size was told.

use bytes::Bytes;

use super::PipelineError;
use lungfield_codec::dicom::{self, Origin};
use lungfield_codec::reference::{ReferenceError, cut, decode_reference};
use lungfield_codec::{DecodeError, Limits, decode};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// A film to segment, as it came.
#[derive(Clone, Debug)]
pub struct Film {
    /// The film.
    pub image: Image,
    /// Its reference mask, where there is one.
    pub reference: Option<Image>,
}

/// A picture, as it came.
#[derive(Clone, Debug)]
pub enum Image {
    /// The bytes of a file.
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
    /// Samples of a picture of this size, row by row; `None` where there are more or fewer than pixels.
    #[must_use]
    pub fn new(size: Size, values: Bytes) -> Option<Self> {
        (values.len() == size.pixels()).then_some(Self { size, values })
    }

    /// The same as a film, where its size is an allowed one.
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

    /// What masks of 0 and 1 have to be multiplied by to be cut as other pictures are.
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
    /// Whether nothing came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// What came.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::File(bytes) => bytes,
            Self::Samples(samples) => &samples.values,
        }
    }

    /// The film that it is.
    pub(super) fn decode(&self, limits: Limits) -> Result<Radiograph, DecodeError> {
        match self {
            Self::File(bytes) => decode(bytes, &limits),
            Self::Samples(samples) => samples.radiograph(limits, |sample| sample),
        }
    }

    /// The reference mask that it is, of a film of this size. Samples are cut at half scale, or above 0 where none is above 1.
    fn reference(&self, film: Size, limits: Limits) -> Result<Mask, ReferenceError> {
        match self {
            Self::File(bytes) => decode_reference(bytes, film, &limits),
            Self::Samples(samples) => {
                let gain = samples.gain();
                cut(&samples.radiograph(limits, |sample| sample * gain)?, film)
            }
        }
    }
}

impl Film {
    /// What the film came as.
    pub(super) fn origin(&self, limits: Limits) -> Result<Origin, PipelineError> {
        match &self.image {
            Image::File(bytes) if dicom::is_dicom(bytes) => Ok(Origin::read(bytes, limits)?),
            other => {
                // What is no image at all is told so.
                other.decode(limits)?;
                Err(PipelineError::NotDicom)
            }
        }
    }

    /// The reference mask of a film of this size, where there is one.
    pub(super) fn reference_mask(
        &self,
        size: Size,
        limits: Limits,
    ) -> Result<Option<Mask>, ReferenceError> {
        self.reference
            .as_ref()
            .map(|image| image.reference(size, limits))
            .transpose()
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
        let area = |image: Image| image.reference(size, Limits::default()).unwrap().area_px();
        assert_eq!(area(samples(|place| u8::from(place < 7))), 7);
        assert_eq!(area(samples(|place| if place < 7 { 255 } else { 127 })), 7);
        assert_eq!(area(samples(|_| 0)), 0);
        let other = Size::new(32, 40).unwrap();
        let mismatch = samples(|_| 0).reference(other, Limits::default());
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
}
