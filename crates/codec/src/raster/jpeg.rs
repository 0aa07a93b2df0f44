//! Reads JPEG images, and refuses those that are cut short.
//!
//! Decoders for the web show the readable part of a damaged JPEG and paint the rest grey. A mask of
//! half a film would be worse than no mask. So the decoder runs in strict mode, the file must reach
//! its end marker, and its last scan must hold all of its data.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::grey::{GreyBuilder, Raster, grey};
use crate::{DecodeError, Limits, undecodable};

/// A byte-stuffed run of set bits, as long as the bit buffer of the decoder. No Huffman code
/// consists of ones only. A decoder that needs these bits has run out of data and fails, instead of
/// continuing with zeros.
const TAIL: [u8; 16] = [
    0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0,
];

const END_OF_IMAGE: u8 = 0xd9;

/// Decodes a JPEG image.
pub(crate) fn read(bytes: &[u8], limits: Limits) -> Result<Raster, DecodeError> {
    let end =
        end_of_image(bytes).ok_or_else(|| undecodable("the JPEG ends before its end marker"))?;
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut headers = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    headers.decode_headers().map_err(undecodable)?;
    let info = headers.info().expect("the headers have been read");
    let size = limits.admit(info.width.into(), info.height.into())?;

    let colour = match headers.input_colorspace() {
        Some(ColorSpace::Luma) => ColorSpace::Luma,
        _ => ColorSpace::RGB,
    };
    let guarded = [&bytes[..end], &TAIL, &[0xff, END_OF_IMAGE]].concat();
    let mut decoder = JpegDecoder::new_with_options(
        ZCursor::new(&guarded),
        options.jpeg_set_out_colorspace(colour),
    );
    let samples = decoder.decode().map_err(undecodable)?;
    if colour == ColorSpace::Luma {
        return grey(size, samples);
    }
    let mut builder = GreyBuilder::<u8>::new(size);
    builder.push(&samples, 3);
    builder.finish()
}

/// Returns the position of the end marker, or `None` if the file ends before it.
///
/// Segments are skipped by their length, because an embedded thumbnail has its own end marker.
fn end_of_image(bytes: &[u8]) -> Option<usize> {
    let mut at = next_marker(bytes, 2)?;
    while *bytes.get(at + 1)? != END_OF_IMAGE {
        let length = u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]);
        at = next_marker(bytes, at + 2 + usize::from(length))?;
    }
    Some(at)
}

/// Returns the position of the next marker at or after `from`. Restart markers, stuffed bytes and
/// fill bytes are skipped.
fn next_marker(bytes: &[u8], from: usize) -> Option<usize> {
    let is_marker =
        |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0x01 | 0xd0..=0xd8 | 0xff);
    bytes
        .get(from..)?
        .windows(2)
        .position(is_marker)
        .map(|offset| from + offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::samples::{
        assert_eight, assert_no_cut_is_read, fixture, luma_of_coloured_picture, picture, read,
    };

    #[test]
    fn grey_is_read() {
        assert_eight(fixture!("grey.jpg"), &picture(), 2);
        assert_eight(fixture!("progressive_grey.jpg"), &picture(), 2);
    }

    #[test]
    fn colour_becomes_luma() {
        assert_eight(fixture!("colour.jpg"), &luma_of_coloured_picture(), 4);
        assert_eight(
            fixture!("progressive_colour.jpg"),
            &luma_of_coloured_picture(),
            4,
        );
    }

    #[test]
    fn grey_that_is_stored_as_colour_keeps_its_values() {
        assert_eight(fixture!("grey_stored_as_colour.jpg"), &picture(), 4);
        assert_eight(fixture!("restarts.jpg"), &picture(), 2);
    }

    #[test]
    fn cmyk_is_read() {
        assert_eight(fixture!("cmyk.jpg"), &picture(), 3);
    }

    #[test]
    fn the_exif_orientation_is_ignored() {
        assert_eight(fixture!("turned_by_exif.jpg"), &picture(), 2);
    }

    #[test]
    fn a_file_that_is_cut_short_is_refused() {
        assert_no_cut_is_read(fixture!("grey.jpg"));
        assert_no_cut_is_read(fixture!("colour.jpg"));
        assert_no_cut_is_read(fixture!("restarts.jpg"));
        assert_no_cut_is_read(fixture!("progressive_colour.jpg"));
    }

    #[test]
    fn a_file_that_is_cut_before_its_end_marker_is_refused() {
        for file in [
            fixture!("grey.jpg"),
            fixture!("colour.jpg"),
            fixture!("cmyk.jpg"),
            fixture!("restarts.jpg"),
        ] {
            let start_of_scan = file
                .windows(2)
                .position(|pair| pair == [0xff, 0xda])
                .unwrap()
                + 16;
            for length in start_of_scan..file.len() - 2 {
                let mended = [&file[..length], &[0xff, END_OF_IMAGE]].concat();
                assert!(read(&mended).is_err(), "cut at {length} of {}", file.len());
            }
        }
    }

    #[test]
    fn bytes_after_the_end_marker_are_ignored() {
        assert_eight(&[fixture!("grey.jpg"), &[0; 100]].concat(), &picture(), 2);
    }
}
