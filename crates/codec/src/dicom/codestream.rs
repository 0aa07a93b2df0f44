//! Checks that a compressed image agrees with its object, before a decoder allocates memory for it.
//!
//! A codestream states its own size, and a decoder uses that size. So the size is read here first.
//! It must be equal to the size that the object states, which was found to be within the limits.

use dicom_dictionary_std::uids;

use super::sample_layout::SampleLayout;
use super::{jpeg, jpeg_2000};
use crate::{DecodeError, undecodable};

/// The compression of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// No compression.
    Native,
    /// No compression, but in fragments.
    Encapsulated,
    /// JPEG: baseline, extended or lossless.
    Jpeg,
    /// JPEG 2000, including high throughput.
    Jpeg2000,
    /// RLE Lossless: runs of bytes, plane by plane.
    Rle,
}

impl Codec {
    /// Returns the compression of a transfer syntax, or `None` if it is not supported.
    pub(super) fn of(transfer_syntax: &str) -> Option<Self> {
        Some(match transfer_syntax {
            uids::IMPLICIT_VR_LITTLE_ENDIAN
            | uids::EXPLICIT_VR_LITTLE_ENDIAN
            | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
            | super::file::EXPLICIT_VR_BIG_ENDIAN => Self::Native,
            uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => Self::Encapsulated,
            uids::JPEG_BASELINE8_BIT
            | uids::JPEG_EXTENDED12_BIT
            | uids::JPEG_LOSSLESS
            | uids::JPEG_LOSSLESS_SV1 => Self::Jpeg,
            uids::JPEG2000_LOSSLESS
            | uids::JPEG2000
            | uids::HTJ2K_LOSSLESS
            | uids::HTJ2K_LOSSLESS_RPCL
            | uids::HTJ2K => Self::Jpeg2000,
            uids::RLE_LOSSLESS => Self::Rle,
            _ => return None,
        })
    }
}

/// Checks that a codestream is a grey image of the size and depth that its object states.
pub(super) fn check(codec: Codec, stream: &[u8], layout: SampleLayout) -> Result<(), DecodeError> {
    let header = match codec {
        Codec::Native | Codec::Encapsulated => return Ok(()),
        Codec::Jpeg => jpeg::read_header(stream)?,
        Codec::Jpeg2000 => jpeg_2000::read_header(stream)?,
        Codec::Rle => return check_rle(stream, layout),
    };
    if header.components != 1 {
        return Err(undecodable("the compressed image is in colour"));
    }
    if (header.width, header.height) != (layout.size.width(), layout.size.height()) {
        return Err(undecodable(
            "the compressed image is of another size than its object states",
        ));
    }
    // A sample of more than 8 bits is given in two bytes.
    if (header.precision > 8) != (layout.allocated == 16) || header.precision > 16 {
        return Err(undecodable(
            "the compressed image has samples of another depth than its object states",
        ));
    }
    if codec == Codec::Jpeg2000 && !jpeg_2000::has_large_blocks(stream, header) {
        return Err(undecodable(
            "the compressed image is cut short, or divided into pieces of a few pixels",
        ));
    }
    Ok(())
}

/// Checks the segments of RLE Lossless (PS3.5, annex G). There must be one segment for each byte of
/// a sample. Each must be within the fragment and unpack to one byte for each pixel, with a few
/// bytes of padding at most.
fn check_rle(stream: &[u8], layout: SampleLayout) -> Result<(), DecodeError> {
    let planes = usize::from(layout.allocated / 8);
    let long = |at: usize| {
        stream
            .get(at..)?
            .first_chunk()
            .map(|four| u32::from_le_bytes(*four) as usize)
    };
    if long(0) != Some(planes) || stream.len() < 64 {
        return Err(undecodable(
            "the run lengths do not have one segment for each byte of a sample",
        ));
    }
    let offsets: Vec<usize> = (1..=planes)
        .filter_map(|plane| long(4 * plane))
        .chain([stream.len()])
        .collect();
    for ends in offsets.windows(2) {
        let segment = stream.get(ends[0]..ends[1]).filter(|_| ends[0] >= 64);
        let segment = segment
            .ok_or_else(|| undecodable("a segment of run lengths is in a wrong position"))?;
        let unpacked = unpacked_bytes(segment)
            .ok_or_else(|| undecodable("a segment of run lengths is cut short"))?;
        if !(layout.size.pixels()..layout.size.pixels() + RLE_PADDING).contains(&unpacked) {
            return Err(undecodable(
                "a segment of run lengths does not have one byte for each pixel",
            ));
        }
    }
    Ok(())
}

/// The number of bytes that a segment may have beyond its pixels. Some encoders add a run as
/// padding to an even length.
const RLE_PADDING: usize = 130;

/// Returns the number of bytes to which a segment unpacks, or `None` if it ends within a run.
fn unpacked_bytes(segment: &[u8]) -> Option<usize> {
    let (mut at, mut unpacked) = (0, 0);
    while let Some(&control) = segment.get(at) {
        let (taken, given) = match control {
            0..=127 => (1 + usize::from(control), 1 + usize::from(control)),
            128 => (0, 0),
            129..=255 => (1, 257 - usize::from(control)),
        };
        at += 1 + taken;
        // A single byte at the end is padding.
        if at > segment.len() {
            return (at - taken == segment.len()).then_some(unpacked);
        }
        unpacked += given;
    }
    Some(unpacked)
}

#[cfg(test)]
mod tests {
    use super::super::jpeg::tests::baseline;
    use super::*;
    use lungfield_radiograph::geometry::Size;

    fn layout(allocated: u16) -> SampleLayout {
        let size = Size::new(64, 48).unwrap();
        SampleLayout {
            size,
            allocated,
            stored: allocated,
            shift: 0,
            signed: false,
            inverted: false,
        }
    }

    #[test]
    fn a_jpeg_of_the_stated_size_is_accepted() {
        assert_eq!(check(Codec::Jpeg, &baseline(64, 48, 1), layout(8)), Ok(()));
        for other in [
            baseline(65_535, 65_535, 1),
            baseline(48, 64, 1),
            baseline(64, 48, 3),
        ] {
            assert!(check(Codec::Jpeg, &other, layout(8)).is_err());
        }
        assert!(check(Codec::Jpeg, &baseline(64, 48, 1), layout(16)).is_err());
        assert!(check(Codec::Jpeg, b"\xff\xd8\xff\xd9", layout(8)).is_err());
        // A decoder finds the frame within bytes that are no segment.
        let hidden = [
            b"\xff\xd8\xff\x00\x00\x10".as_slice(),
            &baseline(64, 48, 1)[2..],
        ]
        .concat();
        assert!(check(Codec::Jpeg, &hidden, layout(8)).is_err());
    }

    fn jpeg_2000_header(width: u32, height: u32, components: u16, spread: [u8; 3]) -> Vec<u8> {
        let mut header = b"\xff\x4f\xff\x51\x00\x29\x00\x00".to_vec();
        for side in [width, height, 0, 0, width, height, 0, 0] {
            header.extend(side.to_be_bytes());
        }
        header.extend(components.to_be_bytes());
        header.extend(spread);
        header.extend(b"\xff\xd9");
        header
    }

    #[test]
    fn a_jpeg_2000_of_the_stated_size_is_accepted() {
        assert_eq!(
            check(
                Codec::Jpeg2000,
                &jpeg_2000_header(64, 48, 1, [11, 1, 1]),
                layout(16)
            ),
            Ok(())
        );
        for other in [
            jpeg_2000_header(60_000, 60_000, 1, [11, 1, 1]),
            jpeg_2000_header(64, 48, 3, [11, 1, 1]),
            jpeg_2000_header(64, 48, 1, [11, 2, 1]),
            jpeg_2000_header(64, 48, 1, [30, 1, 1]),
            jpeg_2000_header(64, 48, 1, [0x8B, 1, 1]),
            jpeg_2000_header(64, 48, 1, [7, 1, 1]),
        ] {
            assert!(check(Codec::Jpeg2000, &other, layout(16)).is_err());
        }
    }

    fn runs(segments: &[&[u8]]) -> Vec<u8> {
        let mut stream = u32::try_from(segments.len())
            .unwrap()
            .to_le_bytes()
            .to_vec();
        let mut offset = 64_u32;
        for segment in segments {
            stream.extend(offset.to_le_bytes());
            offset += u32::try_from(segment.len()).unwrap();
        }
        stream.resize(64, 0);
        [stream, segments.concat()].concat()
    }

    #[test]
    fn runs_unpack_to_a_byte_for_each_pixel() {
        let full = [129, 7].repeat(64 * 48 / 128);
        assert_eq!(check(Codec::Rle, &runs(&[&full]), layout(8)), Ok(()));
        assert_eq!(
            check(Codec::Rle, &runs(&[&full, &full]), layout(16)),
            Ok(())
        );
        let padded = [full.as_slice(), &[0]].concat();
        assert_eq!(
            check(Codec::Rle, &runs(&[&padded]), layout(8)),
            Ok(()),
            "padded to an even length"
        );
        for (stream, bits) in [
            (runs(&[&full]), 16),
            (runs(&[&full, &full]), 8),
            (runs(&[&full[2..]]), 8),
            (runs(&[&full.repeat(20)]), 8),
            (b"\xff\xff\xff\x7f".repeat(20), 8),
        ] {
            assert!(check(Codec::Rle, &stream, layout(bits)).is_err());
        }
    }
}
