//! Decides how bytes become films and reference masks, and how masks become bytes.

pub mod contour;
pub mod dicom;
pub mod display;
pub mod names;
pub mod overlay;
pub mod png;
mod raster;
pub mod reference;
pub mod rle;
pub mod sniff;

use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::radiograph::Radiograph;

/// The fewest pixels that a side of an image may have.
pub const MIN_SIDE: u32 = 32;

/// What an upload may ask of the decoders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most pixels (columns × rows) that an image may declare. Decoding takes at most 12 bytes for each, or 16 where it is
    /// JPEG 2000; and for a JPEG another copy of the file.
    pub max_pixels: u64,
}

impl Default for Limits {
    /// 64 million pixels: 8000 × 8000, some three times the largest chest films in use.
    fn default() -> Self {
        Self {
            max_pixels: 64_000_000,
        }
    }
}

impl Limits {
    /// The declared size where it may be decoded. Called before anything of that size is allocated.
    pub fn admit(self, width: u32, height: u32) -> Result<Size, DecodeError> {
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(DecodeError::TooManyPixels {
                width,
                height,
                max_pixels: self.max_pixels,
            });
        }
        match Size::new(width, height) {
            Some(size) if width.min(height) >= MIN_SIDE => Ok(size),
            _ => Err(DecodeError::TooSmall { width, height }),
        }
    }
}

/// Why bytes are no image, told apart by what the sender can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are of no format that is read here: send another format.
    #[error("this is no image that is read here; DICOM, PNG, JPEG and single-page TIFF are")]
    Unrecognised,
    /// The image is larger than allowed: send a smaller one.
    #[error("the image declares {width}×{height} pixels; at most {max_pixels} pixels are allowed")]
    TooManyPixels {
        /// Declared columns.
        width: u32,
        /// Declared rows.
        height: u32,
        /// The limit that was passed, in pixels.
        max_pixels: u64,
    },
    /// The image is smaller than [`MIN_SIDE`] on a side: no film is.
    #[error("the image is {width}×{height} pixels; each side needs at least {MIN_SIDE}")]
    TooSmall {
        /// Declared columns.
        width: u32,
        /// Declared rows.
        height: u32,
    },
    /// A multi-page TIFF, an animated PNG or a DICOM object of several frames: send the one that is meant.
    #[error("the file holds several frames; send a single image")]
    SeveralFrames,
    /// The file is cut short or damaged, or of a kind within its format that is not read: send it anew.
    #[error("the image can't be decoded: {0}")]
    Undecodable(String),
}

impl DecodeError {
    /// The stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unrecognised => "unrecognised_image",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooSmall { .. } => "image_too_small",
            Self::SeveralFrames => "several_frames",
            Self::Undecodable(_) => "undecodable_image",
        }
    }
}

/// Decodes a film, of whatever format its first bytes announce.
///
/// 8-bit values stay 8-bit and deeper ones 16-bit, as stored: a 12-bit film keeps its 0 to 4095. Colour becomes its
/// Rec. 601 luma, transparency is ignored (an alpha channel says nothing of the patient), and so is the EXIF
/// orientation, since masks lie on the stored pixel grid. The spacing stays unknown: the resolution that such files
/// state is that of a print or a scan, not of the detector. A DICOM object states its spacing and how its values are to be shown; see
/// [`dicom`].
///
/// All or nothing: an image that is cut short is an error, never a picture that is half grey.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Radiograph, DecodeError> {
    if dicom::is_dicom(bytes) {
        return dicom::read(bytes, *limits);
    }
    let format = sniff::sniff(bytes).ok_or(DecodeError::Unrecognised)?;
    Ok(raster::read(format, bytes, *limits)?.film)
}

/// A reason in the words of whoever found it, on one line.
fn undecodable(reason: impl std::fmt::Display) -> DecodeError {
    DecodeError::Undecodable(reason.to_string().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::samples::{fixture, picture};
    use lungfield_radiograph::radiograph::Pixels;

    #[test]
    fn a_film_comes_without_a_spacing() {
        let film = decode(fixture!("interlaced_grey8.png"), &Limits::default()).unwrap();
        assert_eq!(film.size(), Size::new(64, 48).unwrap());
        assert_eq!(film.pixels(), &Pixels::Eight(picture()));
        assert_eq!(film.spacing(), None);
    }

    #[test]
    fn every_format_keeps_to_the_limit() {
        let limits = Limits {
            max_pixels: 64 * 48 - 1,
        };
        for file in [
            fixture!("interlaced_grey8.png"),
            fixture!("grey.jpg"),
            fixture!("packbits8.tif"),
        ] {
            let refusal = DecodeError::TooManyPixels {
                width: 64,
                height: 48,
                max_pixels: 3071,
            };
            assert_eq!(decode(file, &limits), Err(refusal));
            assert!(
                decode(
                    file,
                    &Limits {
                        max_pixels: 64 * 48
                    }
                )
                .is_ok()
            );
        }
    }

    #[test]
    fn what_is_no_image_is_not_recognised() {
        for bytes in [b"".as_slice(), b"GIF89a", &[0; 1000], b"a plain text"] {
            assert_eq!(
                decode(bytes, &Limits::default()),
                Err(DecodeError::Unrecognised)
            );
        }
    }
}
