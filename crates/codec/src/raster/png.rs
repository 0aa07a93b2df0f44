//! Reads PNG images. An image that is not interlaced is read row by row, so that a colour or 16-bit
//! image needs little more memory than its grey channel.

use std::io::Cursor;

use png::{BitDepth, Decoder, Reader, Transformations};

use super::grey::{GreyBuilder, Raster};
use crate::{DecodeError, Limits, MIN_SIDE, undecodable};
use lungfield_radiograph::geometry::Size;

type Source<'a> = Reader<Cursor<&'a [u8]>>;

/// The memory of the decoder besides the image, for chunks that it reads as a whole, such as
/// palettes.
const SCRATCH_BYTES: u64 = 1 << 20;

/// Decodes a PNG image.
pub(crate) fn read(bytes: &[u8], limits: Limits) -> Result<Raster, DecodeError> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), decoder_limits(limits));
    // Neither chunk affects the pixels, and both can unpack to much more than their own size.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);

    let header = decoder.read_header_info().map_err(undecodable)?;
    let size = limits.admit(header.width, header.height)?;
    let mut reader = decoder.read_info().map_err(undecodable)?;
    if frames(&reader) > 1 {
        return Err(DecodeError::SeveralFrames);
    }

    let raster = match reader.output_color_type().1 {
        BitDepth::Sixteen => read_sixteen(&mut reader, size)?,
        _ => read_eight(&mut reader, size)?,
    };
    reader.finish().map_err(undecodable)?;
    Ok(raster)
}

/// Reads an image of 8-bit samples.
fn read_eight(reader: &mut Source, size: Size) -> Result<Raster, DecodeError> {
    let channels = reader.output_color_type().0.samples();
    let mut builder = GreyBuilder::<u8>::new(size);
    each_row(reader, |row| builder.push(row, channels))?;
    builder.finish()
}

/// Reads an image of 16-bit samples.
fn read_sixteen(reader: &mut Source, size: Size) -> Result<Raster, DecodeError> {
    let channels = reader.output_color_type().0.samples();
    let mut builder = GreyBuilder::<u16>::new(size);
    let mut samples = Vec::new();
    each_row(reader, |row| {
        samples.clear();
        samples.extend(
            row.chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]])),
        );
        builder.push(&samples, channels);
    })?;
    builder.finish()
}

/// Passes the rows of the image to `take`, from top to bottom. An interlaced image is first decoded
/// as a whole.
fn each_row(reader: &mut Source, mut take: impl FnMut(&[u8])) -> Result<(), DecodeError> {
    if reader.info().interlaced {
        let mut frame = vec![
            0;
            reader
                .output_buffer_size()
                .ok_or_else(|| undecodable("the rows of the PNG are too long"))?
        ];
        let line_bytes = reader
            .next_frame(&mut frame)
            .map_err(undecodable)?
            .line_size;
        frame.chunks_exact(line_bytes).for_each(take);
    } else {
        while let Some(row) = reader.next_row().map_err(undecodable)? {
            take(row.data());
        }
    }
    Ok(())
}

/// Returns the memory limit of the decoder: a few of the longest rows that an admitted image can
/// have, at up to 8 bytes for each pixel.
fn decoder_limits(limits: Limits) -> png::Limits {
    let longest_row = limits.max_pixels / u64::from(MIN_SIDE) * 8;
    let bytes = longest_row.saturating_mul(4).saturating_add(SCRATCH_BYTES);
    png::Limits {
        bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
    }
}

/// Returns the number of images in the file. The default image of an animated PNG may be separate
/// from the animation.
fn frames(reader: &Source) -> u64 {
    let info = reader.info();
    let apart = u64::from(info.frame_control.is_none());
    info.animation_control
        .map_or(1, |animation| u64::from(animation.num_frames) + apart)
}

#[cfg(test)]
mod tests {
    use png::{ColorType, Encoder};

    use super::*;
    use crate::raster::samples::{
        HEIGHT, WIDTH, assert_eight, assert_no_cut_is_read, assert_sixteen, coloured_picture,
        deep_picture, fixture, luma_of_coloured_picture, picture, read,
    };

    fn encode(
        colour: ColorType,
        depth: BitDepth,
        data: &[u8],
        set: impl Fn(&mut Encoder<&mut Vec<u8>>),
    ) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, WIDTH, HEIGHT);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        set(&mut encoder);
        let mut writer = encoder.write_header().expect("the header is sound");
        writer
            .write_image_data(data)
            .expect("the picture is as large as the header says");
        writer.finish().expect("the picture is complete");
        file
    }

    fn plain(colour: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
        encode(colour, depth, data, |_| ())
    }

    fn big_endian(values: impl IntoIterator<Item = u16>) -> Vec<u8> {
        values.into_iter().flat_map(u16::to_be_bytes).collect()
    }

    /// Returns a signature and a header with a valid checksum, which declares an 8-bit grey image
    /// of this size.
    fn header_of(width: u32, height: u32) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, width, height);
        encoder.set_color(ColorType::Grayscale);
        drop(encoder.write_header().expect("the header is sound"));
        file
    }

    #[test]
    fn grey_is_read_as_deep_as_it_is_stored() {
        assert_eight(
            &plain(ColorType::Grayscale, BitDepth::Eight, &picture()),
            &picture(),
            0,
        );
        let deep = big_endian(deep_picture());
        assert_sixteen(
            &plain(ColorType::Grayscale, BitDepth::Sixteen, &deep),
            &deep_picture(),
        );
    }

    #[test]
    fn twelve_bits_stay_the_values_that_were_stored() {
        let twelve: Vec<u16> = deep_picture().into_iter().map(|value| value >> 4).collect();
        let file = plain(
            ColorType::Grayscale,
            BitDepth::Sixteen,
            &big_endian(twelve.clone()),
        );
        assert_sixteen(&file, &twelve);
    }

    #[test]
    fn colour_becomes_luma() {
        let file = plain(ColorType::Rgb, BitDepth::Eight, &coloured_picture());
        assert_eight(&file, &luma_of_coloured_picture(), 1);
        assert_eq!(read(&file).unwrap().colour_spread, 220);
        let grey: Vec<u16> = deep_picture()
            .into_iter()
            .flat_map(|value| [value; 3])
            .collect();
        assert_sixteen(
            &plain(ColorType::Rgb, BitDepth::Sixteen, &big_endian(grey)),
            &deep_picture(),
        );
    }

    #[test]
    fn transparency_is_ignored() {
        let transparent = picture()
            .into_iter()
            .flat_map(|value| [value, 0])
            .collect::<Vec<_>>();
        assert_eight(
            &plain(ColorType::GrayscaleAlpha, BitDepth::Eight, &transparent),
            &picture(),
            0,
        );
        let transparent = picture()
            .into_iter()
            .flat_map(|value| [value, value, value, 7])
            .collect::<Vec<_>>();
        assert_eight(
            &plain(ColorType::Rgba, BitDepth::Eight, &transparent),
            &picture(),
            0,
        );
        let transparent = deep_picture()
            .into_iter()
            .flat_map(|value| [value, value, value, 7]);
        assert_sixteen(
            &plain(ColorType::Rgba, BitDepth::Sixteen, &big_endian(transparent)),
            &deep_picture(),
        );
    }

    #[test]
    fn a_transparent_grey_value_keeps_its_value() {
        let file = encode(
            ColorType::Grayscale,
            BitDepth::Eight,
            &picture(),
            |encoder| {
                encoder.set_trns(&[0, 10][..]);
            },
        );
        assert_eight(&file, &picture(), 0);
    }

    #[test]
    fn a_palette_is_expanded() {
        let file = encode(ColorType::Indexed, BitDepth::Eight, &picture(), |encoder| {
            encoder.set_palette(
                (0..=255)
                    .flat_map(|index| [255 - index; 3])
                    .collect::<Vec<u8>>(),
            );
        });
        assert_eight(
            &file,
            &picture()
                .into_iter()
                .map(|value| 255 - value)
                .collect::<Vec<_>>(),
            0,
        );
    }

    #[test]
    fn few_bits_are_stretched_to_eight() {
        for (depth, bits, step) in [
            (BitDepth::One, 1, 255),
            (BitDepth::Two, 2, 85),
            (BitDepth::Four, 4, 17),
        ] {
            let pack = |pixels: &[u8]| {
                pixels
                    .iter()
                    .fold(0, |byte, value| byte << bits | value >> (8 - bits))
            };
            let packed: Vec<u8> = picture().chunks(8 / bits).map(pack).collect();
            let expected: Vec<u8> = picture()
                .into_iter()
                .map(|value| (value >> (8 - bits)) * step)
                .collect();
            assert_eight(&plain(ColorType::Grayscale, depth, &packed), &expected, 0);
        }
    }

    #[test]
    fn interlaced_images_are_read() {
        assert_eight(fixture!("interlaced_grey8.png"), &picture(), 0);
        assert_sixteen(fixture!("interlaced_grey16.png"), &deep_picture());
        assert_eight(
            fixture!("interlaced_rgb8.png"),
            &luma_of_coloured_picture(),
            1,
        );
    }

    #[test]
    fn a_file_that_is_cut_short_is_refused() {
        assert_no_cut_is_read(&plain(ColorType::Grayscale, BitDepth::Eight, &picture()));
        assert_no_cut_is_read(&plain(ColorType::Rgb, BitDepth::Eight, &coloured_picture()));
        assert_no_cut_is_read(fixture!("interlaced_grey16.png"));
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let whole = plain(ColorType::Grayscale, BitDepth::Eight, &picture());
        for at in 8..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert!(read(&damaged).is_err(), "byte {at} of {}", whole.len());
        }
    }

    #[test]
    fn an_animation_of_several_frames_is_refused() {
        let animated = |frames| {
            let mut file = Vec::new();
            let mut encoder = Encoder::new(&mut file, WIDTH, HEIGHT);
            encoder.set_color(ColorType::Grayscale);
            encoder.set_animated(frames, 0).unwrap();
            let mut writer = encoder.write_header().unwrap();
            (0..frames).for_each(|_| writer.write_image_data(&picture()).unwrap());
            writer.finish().unwrap();
            file
        };
        assert_eq!(read(&animated(2)).unwrap_err(), DecodeError::SeveralFrames);
        assert_eight(&animated(1), &picture(), 0);
    }

    #[test]
    fn the_declared_size_is_checked_before_anything_is_allocated() {
        assert_eq!(
            read(&header_of(60_000, 60_000)).unwrap_err(),
            DecodeError::TooManyPixels {
                width: 60_000,
                height: 60_000,
                max_pixels: 64_000_000
            },
        );
        for (width, height) in [(31, 40), (40, 31), (1, 1)] {
            assert_eq!(
                read(&header_of(width, height)).unwrap_err(),
                DecodeError::TooSmall { width, height }
            );
        }
    }

    #[test]
    fn text_that_unpacks_to_gigabytes_is_never_unpacked() {
        let bomb = "0".repeat(1 << 24);
        let file = encode(
            ColorType::Grayscale,
            BitDepth::Eight,
            &picture(),
            |encoder| {
                encoder
                    .add_ztxt_chunk("Comment".to_owned(), bomb.clone())
                    .unwrap();
            },
        );
        let limits = Limits {
            max_pixels: 64 * 48,
        };
        assert!(
            super::read(&file, limits).is_ok(),
            "a limit far below the text's size was not met"
        );
    }
}
