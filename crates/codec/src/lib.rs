//! Reads chest films and reference masks from files, and writes masks in every format that Lungfield answers in.
//!
//! - [`decode()`] reads a film: PNG, JPEG, TIFF or DICOM, recognised by its first bytes ([`formats`]).
//! - [`reference::decode_reference`] reads a reference mask: an image, COCO RLE, or a DICOM segmentation.
//! - [`Rendering`](rendering::Rendering) names every way in which a result is written, and encodes it.
//!
//! ```
//! use lungfield_codec::{Limits, decode, png, reference::decode_reference};
//! use lungfield_radiograph::geometry::Size;
//! use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
//!
//! let size = Size::square(128).unwrap();
//! let phantom = Phantom::draw(&PhantomOptions { seed: 1, size, depth: Depth::Twelve });
//! let (film, mask) = (png::encode_radiograph(&phantom.film), png::encode_mask(&phantom.mask));
//!
//! let film = decode(&film, &Limits::default())?;
//! assert_eq!(film, phantom.film);
//! let mask = decode_reference(&mask, film.size(), &Limits::default())?;
//! assert_eq!(mask, phantom.mask);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod contour;
pub mod dicom;
pub mod display;
pub mod formats;
mod identity;
mod image;
pub mod names;
pub mod overlay;
pub mod png;
mod raster;
pub mod reference;
pub mod rendering;
pub mod rle;

use self::formats::InputFormat;
pub use self::identity::ModelIdentity;
pub use self::image::{Image, Samples};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::radiograph::Radiograph;

/// The fewest pixels that a side of an image may have.
pub const MIN_SIDE: u32 = 32;

/// The limits of what is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most pixels (columns × rows) that an image may declare. Decoding takes at most 12 bytes for each, or 16 in JPEG 2000, and
    /// for a JPEG another copy of the file.
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
    /// Returns the declared size where it is within the limits. Decoders call it before they allocate anything of that size.
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

/// Why an image is not decoded, told apart by what the sender can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are in none of [`formats::INPUT_FORMATS`]: send another format.
    #[error("this is no image that is read here; {} are", formats::Names)]
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
    /// The image is smaller than [`MIN_SIDE`] on a side, as no film is.
    #[error("the image is {width}×{height} pixels; each side needs at least {MIN_SIDE}")]
    TooSmall {
        /// Declared columns.
        width: u32,
        /// Declared rows.
        height: u32,
    },
    /// A multi-page TIFF, an animated PNG or a DICOM object of several frames: send a file of the one image.
    #[error("the file holds several frames; send a single image")]
    SeveralFrames,
    /// The file is cut short or damaged, or uses a part of its format that is not supported: send it again.
    #[error("the image can't be decoded: {0}")]
    Undecodable(String),
}

impl DecodeError {
    /// Returns the stable code of the error.
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

/// Decodes a film in any of [`formats::INPUT_FORMATS`].
///
/// 8-bit values stay 8-bit and deeper ones 16-bit, as stored: a 12-bit film keeps its 0 to 4095. Colour becomes its
/// Rec. 601 luma. Transparency is ignored, and so is the EXIF orientation, since masks lie on the stored pixel grid. The
/// spacing stays unknown: the resolution that such files state is that of a print or a scan, not of the detector. A DICOM object
/// states its spacing and how its values are to be shown; see [`dicom`].
///
/// An image that is cut short is an error; no part of it is returned.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Radiograph, DecodeError> {
    let format = InputFormat::of(bytes).ok_or(DecodeError::Unrecognised)?;
    Ok(format.decode(bytes, *limits)?.film)
}

/// Makes an error of a decoder's own message.
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
