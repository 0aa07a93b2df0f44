//! Encodes images as PNG: quickly, and row by row, so that no second copy of a film is held.

use std::io::Write;

use png::{BitDepth, ColorType, DeflateCompression, Encoder, EncodingError, Filter};

use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// Bytes of one IDAT chunk: the encoder holds one at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The format of the samples of a row.
#[derive(Clone, Copy)]
struct SampleFormat {
    color: ColorType,
    depth: BitDepth,
}

impl SampleFormat {
    const GREY: Self = Self {
        color: ColorType::Grayscale,
        depth: BitDepth::Eight,
    };
    const DEEP_GREY: Self = Self {
        color: ColorType::Grayscale,
        depth: BitDepth::Sixteen,
    };
    const RGB: Self = Self {
        color: ColorType::Rgb,
        depth: BitDepth::Eight,
    };

    fn row_bytes(self, size: Size) -> usize {
        size.columns()
            * self.color.samples()
            * if self.depth == BitDepth::Sixteen {
                2
            } else {
                1
            }
    }
}

/// Encodes a mask as 8-bit grey: 255 where there is lung, 0 elsewhere.
///
/// ```
/// use lungfield_codec::{Limits, png, reference::decode_reference};
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::mask::Mask;
///
/// let size = Size::square(32).unwrap();
/// let mask = Mask::new(size, (0..32 * 32).map(|pixel| pixel < 100)).unwrap();
/// let file = png::encode_mask(&mask);
/// assert_eq!(decode_reference(&file, size, &Limits::default())?, mask);
/// # Ok::<(), lungfield_codec::reference::ReferenceError>(())
/// ```
#[must_use]
pub fn encode_mask(mask: &Mask) -> Vec<u8> {
    encode(mask.size(), SampleFormat::GREY, |row, bytes| {
        bytes.fill(0);
        mask.row(row).runs().for_each(|run| bytes[run].fill(255));
    })
}

/// Encodes a film as grey of 8 or 16 bits, as deep as its values are. The pixel spacing is not written.
#[must_use]
pub fn encode_radiograph(film: &Radiograph) -> Vec<u8> {
    let columns = film.size().columns();
    match film.pixels() {
        Pixels::Eight(values) => encode(film.size(), SampleFormat::GREY, |row, bytes| {
            bytes.copy_from_slice(&values[row * columns..][..columns]);
        }),
        Pixels::Sixteen(values) => encode(film.size(), SampleFormat::DEEP_GREY, |row, bytes| {
            let values = &values[row * columns..][..columns];
            bytes
                .chunks_exact_mut(2)
                .zip(values)
                .for_each(|(pair, value)| pair.copy_from_slice(&value.to_be_bytes()));
        }),
    }
}

/// Encodes an image of 8 bits of grey. `fill` is called once for each row, from the top, with the row's index and the bytes to write,
/// which hold the row before.
#[must_use]
pub fn encode_grey(size: Size, fill: impl FnMut(usize, &mut [u8])) -> Vec<u8> {
    encode(size, SampleFormat::GREY, fill)
}

/// Encodes an image of 8 bits each for red, green and blue. `fill` is called once for each row, from the top, with the row's index
/// and the `3 × width` bytes to write, which hold the row before.
#[must_use]
pub fn encode_rgb(size: Size, fill: impl FnMut(usize, &mut [u8])) -> Vec<u8> {
    encode(size, SampleFormat::RGB, fill)
}

fn encode(size: Size, format: SampleFormat, mut fill: impl FnMut(usize, &mut [u8])) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut row = vec![0; format.row_bytes(size)];
    write(&mut bytes, size, format, |stream| {
        (0..size.rows()).try_for_each(|index| {
            fill(index, &mut row);
            Ok(stream.write_all(&row)?)
        })
    })
    .expect("memory takes every byte, the size has pixels and every row is written");
    bytes
}

/// Writes a PNG with the encoder's quick settings, whose files are small enough: at 4020×4892 pixels on one core a mask took
/// 12 ms and 118 kB, a film tinted in red, green and blue 107 ms and 7.7 MB. A general compressor, at its fourth level,
/// made that film a fifth smaller in ten times the time.
fn write(
    bytes: &mut Vec<u8>,
    size: Size,
    format: SampleFormat,
    rows: impl FnOnce(&mut dyn Write) -> Result<(), EncodingError>,
) -> Result<(), EncodingError> {
    let mut encoder = Encoder::new(bytes, size.width(), size.height());
    encoder.set_color(format.color);
    encoder.set_depth(format.depth);
    encoder.set_filter(Filter::Paeth);
    encoder.set_deflate_compression(DeflateCompression::FdeflateUltraFast);
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer_with_size(CHUNK_BYTES)?;
    rows(&mut stream)?;
    stream.finish()?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use png::{Decoder, OutputInfo};

    use super::*;

    fn decode(bytes: &[u8]) -> (OutputInfo, Vec<u8>) {
        let mut reader = Decoder::new(Cursor::new(bytes))
            .read_info()
            .expect("the encoder writes a PNG");
        let mut pixels = vec![
            0;
            reader
                .output_buffer_size()
                .expect("a test's image is small")
        ];
        let info = reader
            .next_frame(&mut pixels)
            .expect("the encoder writes every row");
        reader.finish().expect("the encoder ends its file");
        (info, pixels)
    }

    fn size() -> Size {
        Size::new(3, 2).expect("there are pixels")
    }

    #[test]
    fn a_mask_is_white_on_black_and_of_the_films_size() {
        let mask = Mask::new(size(), vec![true, false, false, false, true, true]).unwrap();
        let (info, pixels) = decode(&encode_mask(&mask));
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!(
            (info.color_type, info.bit_depth),
            (ColorType::Grayscale, BitDepth::Eight)
        );
        assert_eq!(pixels, [255, 0, 0, 0, 255, 255]);
    }

    #[test]
    fn a_film_keeps_its_values_and_its_depth() {
        let eight =
            Radiograph::new(size(), Pixels::Eight(vec![0, 1, 2, 253, 254, 255]), None).unwrap();
        let (info, pixels) = decode(&encode_radiograph(&eight));
        assert_eq!(
            (info.color_type, info.bit_depth),
            (ColorType::Grayscale, BitDepth::Eight)
        );
        assert_eq!(pixels, [0, 1, 2, 253, 254, 255]);

        let values = [0, 1, 255, 256, 0x1234, u16::MAX];
        let sixteen = Radiograph::new(size(), Pixels::Sixteen(values.to_vec()), None).unwrap();
        let (info, pixels) = decode(&encode_radiograph(&sixteen));
        assert_eq!(
            (info.color_type, info.bit_depth),
            (ColorType::Grayscale, BitDepth::Sixteen)
        );
        assert_eq!(pixels, values.map(u16::to_be_bytes).concat());
    }

    #[test]
    fn rgb_rows_are_asked_for_once_each_from_the_top() {
        let mut asked = Vec::new();
        let bytes = encode_rgb(size(), |row, samples| {
            asked.push((row, samples.len()));
            samples.fill(u8::try_from(row).unwrap() + 7);
        });
        let (info, pixels) = decode(&bytes);
        assert_eq!(
            (info.color_type, info.bit_depth),
            (ColorType::Rgb, BitDepth::Eight)
        );
        assert_eq!(pixels, [[7; 9], [8; 9]].concat());
        assert_eq!(asked, [(0, 9), (1, 9)]);
    }

    #[test]
    fn a_mask_of_many_chunks_survives() {
        let size = Size::new(1031, 700).unwrap();
        let noise = |index: usize| index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40 & 1 == 1;
        let mask = Mask::new(size, (0..size.pixels()).map(noise)).unwrap();
        let (_, pixels) = decode(&encode_mask(&mask));
        assert!(pixels.iter().map(|&pixel| pixel == 255).eq(mask.pixels()));
    }
}
