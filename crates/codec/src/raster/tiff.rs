//! Reads TIFF images: one page of grey or RGB, with up to 16 bits.

use std::io::ErrorKind;

use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::{CompressionMethod, Tag};
use tiff::{ColorType, TiffError};

use super::directory;
use super::grey::{GreyBuilder, Raster, Sample, grey};
use super::metered::Metered;
use crate::{DecodeError, Limits, undecodable};
use lungfield_radiograph::geometry::Size;

/// The number of bytes of a pixel of 16-bit RGB and alpha.
const WIDEST_PIXEL_BYTES: u64 = 8;
/// The size to which the chunks of a file may unpack, relative to the largest image. Tiles extend
/// beyond the edge of the image.
const PADDING_TIMES: u64 = 4;

/// Decodes a TIFF image.
pub(crate) fn read(bytes: &[u8], limits: Limits) -> Result<Raster, DecodeError> {
    if !directory::is_reasonable(bytes, limits) {
        return Err(undecodable(
            "the TIFF declares a longer list than any image needs",
        ));
    }
    let mut decoder = Decoder::new(Metered::new(bytes))
        .map_err(damaged)?
        .with_limits(decoder_limits(bytes, limits));
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let size = limits.admit(width, height)?;
    if decoder.more_images() {
        return Err(DecodeError::SeveralFrames);
    }
    check_compression(&mut decoder)?;
    let colour = decoder.colortype().map_err(damaged)?;
    let channels = channels(colour).ok_or_else(|| unread(colour))?;
    check_chunks(&mut decoder, size, colour, limits)?;

    let mut samples = DecodingResult::U8(Vec::new());
    let planes = decoder
        .read_image_to_buffer(&mut samples)
        .map_err(damaged)?
        .planes;
    match samples {
        DecodingResult::U8(packed) if colour.bit_depth() < 8 => {
            grey(size, unpack(&packed, size, colour.bit_depth()))
        }
        DecodingResult::U8(values) => to_raster(size, values, channels, planes),
        DecodingResult::U16(values) => to_raster(size, values, channels, planes),
        _ => Err(undecodable(
            "a TIFF of signed or floating-point values is not read",
        )),
    }
}

/// Refuses compression by JPEG, with which the decoder accepts files that are cut short.
fn check_compression(decoder: &mut Decoder<Metered>) -> Result<(), DecodeError> {
    let compression = decoder
        .find_tag_unsigned::<u16>(Tag::Compression)
        .map_err(damaged)?;
    if compression == Some(CompressionMethod::ModernJPEG.to_u16()) {
        return Err(undecodable("a TIFF that is compressed by JPEG is not read"));
    }
    Ok(())
}

/// Refuses padding to the right of the image, and samples that no image has. The decoder unpacks
/// both without regard to its limits and then discards them. This takes little memory, but much
/// time.
fn check_chunks(
    decoder: &mut Decoder<Metered>,
    size: Size,
    colour: ColorType,
    limits: Limits,
) -> Result<(), DecodeError> {
    let samples = decoder
        .find_tag_unsigned::<u16>(Tag::SamplesPerPixel)
        .map_err(damaged)?
        .unwrap_or(1);
    let row = u64::from(size.width()).next_multiple_of(decoder.chunk_dimensions().0.into());
    let row_bytes = (row * u64::from(samples)).saturating_mul(u64::from(colour.bit_depth())) / 8;
    let most = limits
        .max_pixels
        .saturating_mul(WIDEST_PIXEL_BYTES * PADDING_TIMES);
    if row_bytes.saturating_mul(u64::from(size.height())) > most {
        return Err(undecodable("the TIFF unpacks to far more than its image"));
    }
    Ok(())
}

/// Returns the limits of the decoder. A compressed strip is at most as long as the file.
fn decoder_limits(bytes: &[u8], limits: Limits) -> tiff::decoder::Limits {
    let mut decoder_limits = tiff::decoder::Limits::default();
    let image_bytes = limits.max_pixels.saturating_mul(WIDEST_PIXEL_BYTES);
    decoder_limits.decoding_buffer_size = usize::try_from(image_bytes).unwrap_or(usize::MAX);
    decoder_limits.intermediate_buffer_size = bytes.len();
    decoder_limits
}

/// Converts an error of the decoder.
fn damaged(error: TiffError) -> DecodeError {
    match error {
        TiffError::IoError(cause) if cause.kind() == ErrorKind::QuotaExceeded => {
            undecodable("the TIFF uses the same bytes over and over")
        }
        // A strip that is longer than the file exceeds the limits.
        TiffError::IoError(_) | TiffError::LimitsExceeded => {
            undecodable("the TIFF ends before all of its data")
        }
        error => undecodable(error),
    }
}

/// Returns the error for a kind of colour that is not supported.
fn unread(colour: ColorType) -> DecodeError {
    if colour.bit_depth() > 16 {
        return undecodable(
            "a TIFF deeper than 16 bits, such as one of floating-point values, is not read",
        );
    }
    undecodable(format!("a TIFF of the kind {colour:?} is not read"))
}

/// Returns the number of samples of a pixel for a supported kind of colour. Grey with alpha may be
/// a `Multiband`.
fn channels(colour: ColorType) -> Option<usize> {
    match colour {
        ColorType::Gray(1 | 2 | 4 | 8 | 16) => Some(1),
        ColorType::GrayA(8 | 16)
        | ColorType::Multiband {
            bit_depth: 8 | 16,
            num_samples: 2,
        } => Some(2),
        ColorType::RGB(8 | 16) => Some(3),
        ColorType::RGBA(8 | 16) => Some(4),
        _ => None,
    }
}

/// Makes an image of samples that are interleaved or in planes.
fn to_raster<S: Sample>(
    size: Size,
    values: Vec<S>,
    channels: usize,
    planes: usize,
) -> Result<Raster, DecodeError> {
    if channels == 1 {
        return grey(size, values);
    }
    let mut builder = GreyBuilder::new(size);
    if planes == 1 {
        builder.push(&values, channels);
    } else if planes == channels && values.len() == planes * size.pixels() {
        push_planes(&mut builder, &values, size);
    }
    builder.finish()
}

/// Interleaves planes of one channel each, row by row, and adds them to the image.
fn push_planes<S: Sample>(builder: &mut GreyBuilder<S>, values: &[S], size: Size) {
    let planes: Vec<&[S]> = values.chunks_exact(size.pixels()).collect();
    let mut row = Vec::with_capacity(planes.len() * size.columns());
    for start in (0..size.pixels()).step_by(size.columns()) {
        row.clear();
        row.extend(
            (start..start + size.columns())
                .flat_map(|at| planes.iter().map(move |plane| plane[at])),
        );
        builder.push(&row, planes.len());
    }
}

/// Expands values of 1, 2 or 4 bits to the full range of 8 bits. Each row begins with a new byte.
fn unpack(packed: &[u8], size: Size, bits: u8) -> Vec<u8> {
    let per_byte = usize::from(8 / bits);
    let largest = u8::MAX >> (8 - bits);
    let row_bytes = size.columns().div_ceil(per_byte);
    let value = |row: &[u8], x: usize| {
        let shift =
            8 - bits - bits * u8::try_from(x % per_byte).expect("a byte holds at most 8 values");
        (row[x / per_byte] >> shift & largest) * (u8::MAX / largest)
    };
    packed
        .chunks_exact(row_bytes)
        .flat_map(|row| (0..size.columns()).map(move |x| value(row, x)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype};

    use super::*;
    use crate::raster::samples::{
        HEIGHT, WIDTH, assert_eight, assert_sixteen, coloured_picture, deep_picture, fixture,
        luma_of_coloured_picture, picture, read,
    };
    use lungfield_radiograph::radiograph::Pixels;

    fn encode<C: colortype::ColorType>(compression: Compression, values: &[C::Inner]) -> Vec<u8>
    where
        [C::Inner]: tiff::encoder::TiffValue,
    {
        let mut file = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut file)
            .expect("memory takes a header")
            .with_compression(compression);
        encoder
            .write_image::<C>(WIDTH, HEIGHT, values)
            .expect("the picture is as large as it says");
        file.into_inner()
    }

    #[test]
    fn grey_is_read_as_deep_as_it_is_stored_however_compressed() {
        let deflate = Compression::Deflate(DeflateLevel::Balanced);
        for compression in [
            Compression::Uncompressed,
            Compression::Lzw,
            Compression::Packbits,
            deflate,
        ] {
            assert_eight(
                &encode::<colortype::Gray8>(compression, &picture()),
                &picture(),
                0,
            );
            assert_sixteen(
                &encode::<colortype::Gray16>(compression, &deep_picture()),
                &deep_picture(),
            );
        }
    }

    #[test]
    fn colour_becomes_luma_and_transparency_is_ignored() {
        let file = encode::<colortype::RGB8>(Compression::Lzw, &coloured_picture());
        assert_eight(&file, &luma_of_coloured_picture(), 1);
        let transparent: Vec<u8> = picture()
            .into_iter()
            .flat_map(|value| [value, value, value, 9])
            .collect();
        assert_eight(
            &encode::<colortype::RGBA8>(Compression::Lzw, &transparent),
            &picture(),
            0,
        );
        let grey: Vec<u16> = deep_picture()
            .into_iter()
            .flat_map(|value| [value; 3])
            .collect();
        assert_sixteen(
            &encode::<colortype::RGB16>(Compression::Lzw, &grey),
            &deep_picture(),
        );
    }

    #[test]
    fn an_image_whose_lowest_value_is_white_is_inverted() {
        assert_eight(fixture!("min_is_white8.tif"), &picture(), 0);
        assert_sixteen(fixture!("min_is_white16.tif"), &deep_picture());
    }

    #[test]
    fn tiles_planes_predictors_and_byte_orders_are_read() {
        assert_sixteen(fixture!("tiled16.tif"), &deep_picture());
        assert_sixteen(fixture!("predictor16.tif"), &deep_picture());
        assert_sixteen(fixture!("big_endian16.tif"), &deep_picture());
        assert_eight(fixture!("bigtiff8.tif"), &picture(), 0);
        assert_eight(fixture!("packbits8.tif"), &picture(), 0);
        assert_eight(fixture!("planar_rgb8.tif"), &luma_of_coloured_picture(), 1);
    }

    #[test]
    fn one_bit_is_stretched_to_eight() {
        let halves: Vec<u8> = picture()
            .into_iter()
            .map(|value| if value >= 128 { 255 } else { 0 })
            .collect();
        assert_eight(fixture!("bilevel.tif"), &halves, 0);
        assert_eight(fixture!("bilevel_group4.tif"), &halves, 0);
    }

    #[test]
    fn several_pages_are_refused() {
        assert_eq!(
            read(fixture!("two_pages.tif")).unwrap_err(),
            DecodeError::SeveralFrames
        );
    }

    #[test]
    fn unsupported_kinds_are_refused() {
        for file in [
            fixture!("float32.tif"),
            fixture!("palette8.tif"),
            fixture!("jpeg_grey8.tif"),
        ] {
            assert!(matches!(read(file), Err(DecodeError::Undecodable(_))));
        }
    }

    /// Returns a little-endian file of one strip with a strip length that is shorter by `fewer`
    /// bytes, or `None` if the strip is not that long.
    fn with_shorter_strip(file: &[u8], fewer: u32) -> Option<Vec<u8>> {
        const STRIP_BYTE_COUNTS: [u8; 2] = 279_u16.to_le_bytes();
        let number =
            |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
        let entries = number(4) as usize + 2;
        let entry = file[entries..]
            .chunks_exact(12)
            .position(|entry| entry[..2] == STRIP_BYTE_COUNTS)?;
        let at = entries + 12 * entry + 8;
        let shorter = number(at).checked_sub(fewer)?;
        Some([&file[..at], &shorter.to_le_bytes(), &file[at + 4..]].concat())
    }

    /// Returns the pixels, or `None` if the file is refused.
    fn values(bytes: &[u8]) -> Option<Pixels> {
        read(bytes).ok().map(|raster| raster.film.pixels().clone())
    }

    #[test]
    fn a_file_that_is_cut_short_gives_no_part_of_a_picture() {
        let flat = encode::<colortype::Gray8>(Compression::Uncompressed, &picture());
        for file in [
            fixture!("packbits8.tif"),
            fixture!("tiled16.tif"),
            fixture!("predictor16.tif"),
            &flat,
        ] {
            let whole = values(file);
            for length in 0..file.len() {
                let cut = values(&file[..length]);
                assert!(
                    cut.is_none() || cut == whole,
                    "cut at {length} of {}",
                    file.len()
                );
            }
        }
    }

    #[test]
    fn a_strip_that_is_cut_short_gives_no_part_of_a_picture() {
        for file in [
            fixture!("bilevel_group4.tif"),
            fixture!("predictor16.tif"),
            fixture!("packbits8.tif"),
        ] {
            let whole = values(file);
            let shorter: Vec<_> = (1..)
                .map_while(|fewer| with_shorter_strip(file, fewer))
                .collect();
            assert!(shorter.len() > 10, "a strip of the file is cut");
            for cut in shorter.iter().map(|file| values(file)) {
                assert!(cut.is_none() || cut == whole);
            }
        }
    }
}
