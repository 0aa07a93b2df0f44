//! Decodes reference masks: a grey image, COCO RLE, or the lungs of a DICOM segmentation.

use super::dicom::Segmentation;
use super::formats::InputFormat;
use super::{DecodeError, Limits, dicom, rle};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// The reason why a reference mask cannot be used. Each variant says what its sender can do.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// It is not a readable image. The inner error says what to send instead.
    #[error("the reference mask can't be read: {0}")]
    Image(#[from] DecodeError),
    /// It is JSON, but not COCO RLE of an allowed size. Correct the RLE.
    #[error("the reference mask can't be read: {0}")]
    Rle(#[from] rle::RleError),
    /// It is an image in colour, in which no value stands for lung. Send a grey image.
    #[error("the reference mask is in colour; send a grey image, bright where there is lung")]
    TrueColour,
    /// Its size differs from that of its film. Send a mask on the film's own pixel grid.
    #[error("the reference mask is {found} pixels, its film {expected}")]
    SizeMismatch {
        /// The size of the film.
        expected: Size,
        /// The size of the reference mask.
        found: Size,
    },
}

impl ReferenceError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Image(_) => "undecodable_reference",
            Self::Rle(_) => "invalid_rle",
            Self::TrueColour => "reference_true_colour",
            Self::SizeMismatch { .. } => "reference_size_mismatch",
        }
    }
}

/// Decodes a reference mask.
///
/// It may be a grey PNG, JPEG, TIFF or DICOM image, COCO RLE as JSON (its first character is `{`),
/// or a DICOM segmentation. The mask of a segmentation is the union of the segments that are coded
/// as lung.
///
/// An image is divided at half of the range of its *format*, whatever values it uses: a pixel is
/// lung from 128 of 255 or from 32768 of 65535 on. So a mask of the values 0 and 1 has no lung, and
/// neither has a 16-bit mask whose largest value is 255. Images of 1, 2 and 4 bits and palettes are
/// first expanded to 8 bits. Transparency is ignored.
///
/// The mask must be on the pixel grid of its film, whose size is `film`. It is never resized. The
/// size of an RLE is checked before a mask is allocated, because a few bytes can declare any size.
///
/// # Errors
///
/// Returns a [`ReferenceError`] if the bytes are not a readable mask, or if its size is not `film`.
///
/// # Examples
///
/// ```
/// use lungfield_codec::Limits;
/// use lungfield_codec::reference::{ReferenceError, decode_reference};
/// use lungfield_radiograph::geometry::Size;
///
/// let rle = br#"{"size": [2, 3], "counts": [2, 2, 1, 1]}"#;
/// let film = Size::new(3, 2).expect("neither side is 0");
/// let mask = decode_reference(rle, film, &Limits::default())?;
/// assert!(mask.pixels().eq([false, true, false, false, true, true]));
///
/// let other = Size::new(2, 3).expect("neither side is 0");
/// let error = decode_reference(rle, other, &Limits::default()).unwrap_err();
/// assert_eq!(error.code(), "reference_size_mismatch");
/// # Ok::<(), ReferenceError>(())
/// ```
///
/// A DICOM segmentation:
///
/// ```
/// use lungfield_codec::Limits;
/// use lungfield_codec::reference::decode_reference;
/// use lungfield_radiograph::geometry::Size;
///
/// let file = include_bytes!(concat!(
///     env!("CARGO_MANIFEST_DIR"),
///     "/tests/fixtures/dicom/segmentation.dcm"
/// ));
/// let film = Size::new(64, 48).expect("neither side is 0");
/// let mask = decode_reference(file, film, &Limits::default())?;
/// assert_eq!(mask.area_px(), 2 * 16 * 28);
/// # Ok::<(), lungfield_codec::reference::ReferenceError>(())
/// ```
pub fn decode_reference(bytes: &[u8], film: Size, limits: &Limits) -> Result<Mask, ReferenceError> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        let runs = rle::from_json(bytes, limits.max_pixels)?;
        check_size(runs.size(), film)?;
        return Ok(runs.to_mask());
    }
    if dicom::is_dicom(bytes)
        && let Some(segmentation) = Segmentation::open(bytes, *limits)?
    {
        check_size(segmentation.size(), film)?;
        return Ok(segmentation.mask()?);
    }
    let format = InputFormat::of(bytes).ok_or(DecodeError::Unrecognised)?;
    let raster = format.decode(bytes, *limits)?;
    if raster.colour_spread > format.grey_tolerance {
        return Err(ReferenceError::TrueColour);
    }
    cut(&raster.film, film)
}

/// Checks that a mask has the size of its film.
fn check_size(found: Size, film: Size) -> Result<(), ReferenceError> {
    if found == film {
        Ok(())
    } else {
        Err(ReferenceError::SizeMismatch {
            expected: film,
            found,
        })
    }
}

/// Converts a grey image to a mask: a pixel is lung if it is at least half of the range.
///
/// # Errors
///
/// Returns [`ReferenceError::SizeMismatch`] if the image does not have the size `film`.
pub fn cut(image: &Radiograph, film: Size) -> Result<Mask, ReferenceError> {
    check_size(image.size(), film)?;
    let mask = match image.pixels() {
        Pixels::Eight(values) => Mask::new(image.size(), values.iter().map(|&value| value >= 0x80)),
        Pixels::Sixteen(values) => {
            Mask::new(image.size(), values.iter().map(|&value| value >= 0x8000))
        }
    };
    Ok(mask.expect("an image has a value for each pixel"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::samples::{HEIGHT, WIDTH, fixture, picture};

    fn png(colour: ::png::ColorType, depth: ::png::BitDepth, data: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut file, WIDTH, HEIGHT);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        let mut writer = encoder.write_header().expect("the header is sound");
        writer
            .write_image_data(data)
            .expect("the picture is as large as the header says");
        writer.finish().expect("the picture is complete");
        file
    }

    fn read(bytes: &[u8]) -> Result<Mask, ReferenceError> {
        read_for(bytes, WIDTH, HEIGHT)
    }

    fn read_for(bytes: &[u8], width: u32, height: u32) -> Result<Mask, ReferenceError> {
        decode_reference(bytes, Size::new(width, height).unwrap(), &Limits::default())
    }

    fn upper_half() -> Vec<bool> {
        picture().into_iter().map(|value| value >= 128).collect()
    }

    #[test]
    fn an_image_is_divided_at_half_of_its_range() {
        use ::png::{BitDepth, ColorType};
        let eight = png(ColorType::Grayscale, BitDepth::Eight, &picture());
        assert!(read(&eight).unwrap().pixels().eq(upper_half()));

        let around_half: Vec<u16> = picture()
            .into_iter()
            .map(|v| if v >= 128 { 0x8000 } else { 0x7fff })
            .collect();
        let bytes: Vec<u8> = around_half.into_iter().flat_map(u16::to_be_bytes).collect();
        let sixteen = png(ColorType::Grayscale, BitDepth::Sixteen, &bytes);
        assert!(read(&sixteen).unwrap().pixels().eq(upper_half()));
    }

    #[test]
    fn few_bits_are_expanded_first() {
        assert!(
            read(fixture!("bilevel.tif"))
                .unwrap()
                .pixels()
                .eq(upper_half())
        );
    }

    #[test]
    fn a_mask_of_zeros_and_ones_has_no_lung() {
        let values: Vec<u8> = upper_half().into_iter().map(u8::from).collect();
        let file = png(::png::ColorType::Grayscale, ::png::BitDepth::Eight, &values);
        assert_eq!(read(&file).unwrap().area_px(), 0);
    }

    #[test]
    fn grey_stored_as_colour_is_read() {
        let triple: Vec<u8> = picture().into_iter().flat_map(|value| [value; 3]).collect();
        let file = png(::png::ColorType::Rgb, ::png::BitDepth::Eight, &triple);
        assert!(read(&file).unwrap().pixels().eq(upper_half()));
        assert!(read(fixture!("grey_stored_as_colour.jpg")).is_ok());
        assert!(read(fixture!("cmyk.jpg")).is_ok());
    }

    #[test]
    fn true_colour_is_refused() {
        let mut almost: Vec<u8> = picture().into_iter().flat_map(|value| [value; 3]).collect();
        almost[1000] += 1;
        let lossless = png(::png::ColorType::Rgb, ::png::BitDepth::Eight, &almost);
        for file in [
            lossless.as_slice(),
            fixture!("colour.jpg"),
            fixture!("planar_rgb8.tif"),
        ] {
            assert!(matches!(read(file), Err(ReferenceError::TrueColour)));
        }
    }

    #[test]
    fn a_brace_announces_rle() {
        let mask = read_for(b"\n {\"size\": [2, 3], \"counts\": [1, 2, 3]}", 3, 2).unwrap();
        assert!(mask.pixels().eq([false, true, false, true, false, false]));
        assert!(matches!(read(b"{"), Err(ReferenceError::Rle(_))));
    }

    #[test]
    fn bytes_that_are_neither_image_nor_rle_are_refused() {
        for bytes in [b"".as_slice(), b"[1, 2]", b"GIF89a"] {
            assert!(matches!(
                read(bytes),
                Err(ReferenceError::Image(DecodeError::Unrecognised))
            ));
        }
    }

    #[test]
    fn a_mask_of_another_size_is_refused() {
        let file = png(
            ::png::ColorType::Grayscale,
            ::png::BitDepth::Eight,
            &picture(),
        );
        let refusal = read_for(&file, HEIGHT, WIDTH).unwrap_err().to_string();
        assert_eq!(
            refusal,
            format!("the reference mask is {WIDTH}×{HEIGHT} pixels, its film {HEIGHT}×{WIDTH}")
        );
        // A mask of this shape would need a word for every pixel.
        let thin = br#"{"size": [60000000, 1], "counts": [60000000]}"#;
        assert!(matches!(
            read(thin),
            Err(ReferenceError::SizeMismatch { .. })
        ));
    }
}
