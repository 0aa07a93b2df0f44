//! Checks that a JPEG 2000 codestream needs no more memory than its image.
//!
//! A stream may divide an image into tiles, precincts and code-blocks, down to single pixels, and a
//! decoder needs some hundred bytes for each of them. No encoder of radiographs uses less than 32
//! pixels a side, so smaller ones are refused. Coding styles are in the main header and in the
//! headers of tile-parts (ITU-T T.800, A.4 to A.6), and all of them are checked.

use super::stream_header::{StreamHeader, read_u16, read_u32};
use crate::{DecodeError, undecodable};

const STYLE: u16 = 0xFF52;
const COMPONENT_STYLE: u16 = 0xFF53;
const TILE_PART: u16 = 0xFF90;
const DATA: u16 = 0xFF93;
const END: u16 = 0xFFD9;
/// The smallest side of a precinct, as a power of two.
const LEAST_PRECINCT: u8 = 6;
/// The smallest side of a code-block, as a power of two. A block has at most half of the side of
/// its precinct.
const LEAST_BLOCK: u8 = 5;
/// The smallest side of a tile, unless it extends over the whole image.
const LEAST_TILE: u32 = 64;
/// The positions in the size segment of the offsets of the image and of the first tile.
const OFFSETS: [usize; 4] = [16, 20, 32, 36];

/// Reads the size segment, which comes first. An image that does not begin at the origin, that has
/// subsampled components or that has signed samples is refused.
pub(super) fn read_header(stream: &[u8]) -> Result<StreamHeader, DecodeError> {
    size(stream).ok_or_else(|| {
        undecodable(
            "the compressed image is not a JPEG 2000 codestream of unsigned samples that begins at the origin",
        )
    })
}

/// Reads the size segment, or returns `None` if it is missing or not supported.
fn size(stream: &[u8]) -> Option<StreamHeader> {
    // A decoder uses the number of components, and not the stated length.
    let begins = stream.starts_with(&[0xFF, 0x4F, 0xFF, 0x51, 0, 41]);
    if !begins || OFFSETS.iter().any(|&at| read_u32(stream, at) != Some(0)) {
        return None;
    }
    let spread = *stream.get(42..)?.first_chunk::<3>()?;
    // The highest bit is set for signed samples.
    (spread[0] < 0x80 && spread[1..] == [1, 1]).then_some(StreamHeader {
        width: read_u32(stream, 8)?,
        height: read_u32(stream, 12)?,
        components: read_u16(stream, 40)?,
        precision: spread[0] + 1,
    })
}

/// Returns whether the tiles, precincts and code-blocks of a stream with one component are large
/// enough, and all its headers are valid.
pub(super) fn has_large_blocks(stream: &[u8], header: StreamHeader) -> bool {
    let tile =
        |at, side: u32| read_u32(stream, at).is_some_and(|tile| tile >= LEAST_TILE.min(side));
    tile(24, header.width) && tile(28, header.height) && walk(stream).is_some()
}

/// Reads all headers. Returns `None` if one is damaged, or has too small precincts or blocks.
fn walk(stream: &[u8]) -> Option<()> {
    let mut at = 2;
    loop {
        let (marker, start) = (read_u16(stream, at)?, at);
        match marker {
            // The last tile-part may omit its length or the end marker.
            END => return Some(()),
            TILE_PART => {
                let length = read_u32(stream, at + 6)? as usize;
                let header = tile_part(stream, at)?;
                if length == 0 {
                    return Some(());
                }
                at = start
                    .checked_add(length)
                    .filter(|&end| end >= header && end <= stream.len())?;
                if at == stream.len() {
                    return Some(());
                }
            }
            _ => at = segment(stream, at)?,
        }
    }
}

/// Reads the header of a tile-part, and returns the position of its data.
fn tile_part(stream: &[u8], mut at: usize) -> Option<usize> {
    while read_u16(stream, at)? != DATA {
        at = segment(stream, at)?;
    }
    Some(at + 2)
}

/// Reads a marker segment, and returns the position of its end. Returns `None` if it is damaged, or
/// a coding style with too small precincts or blocks.
fn segment(stream: &[u8], at: usize) -> Option<usize> {
    let end = at + 2 + usize::from(read_u16(stream, at + 2).filter(|&length| length >= 2)?);
    let body = stream.get(at + 4..end)?;
    let is_valid = match read_u16(stream, at)? {
        STYLE => is_style_valid(*body.first()?, body.get(5..)?),
        COMPONENT_STYLE => is_style_valid(*body.get(1)?, body.get(2..)?),
        TILE_PART => Some(body.len() == 8),
        // These markers have no length, and do not belong in a header.
        0xFF30..=0xFF3F => None,
        0xFF00..=0xFFFF => Some(true),
        _ => None,
    };
    is_valid?.then_some(end)
}

/// Checks a coding style. Its parameters are the number of levels, the width and height of a
/// code-block (as powers of two, minus 2), the style, the transform, and the precincts if they are
/// stated. Returns `None` if parameters are missing.
fn is_style_valid(style: u8, parameters: &[u8]) -> Option<bool> {
    let ([levels, width, height, _style, _transform], precincts) =
        parameters.split_first_chunk()?;
    // A decoder uses the number of levels, and not the stated length.
    let stated = if style & 1 == 0 {
        0
    } else {
        usize::from(*levels) + 1
    };
    let are_blocks_valid = [width, height]
        .into_iter()
        .all(|side| (LEAST_BLOCK - 2..=8).contains(side));
    let is_large =
        |precinct: &u8| precinct & 0xF >= LEAST_PRECINCT && precinct >> 4 >= LEAST_PRECINCT;
    Some(are_blocks_valid && precincts.len() == stated && precincts.iter().all(is_large))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: StreamHeader = StreamHeader {
        width: 640,
        height: 480,
        components: 1,
        precision: 12,
    };

    /// Returns a stream with tiles of these sides. Its coding style is in the main header or in
    /// that of a tile-part.
    fn stream(tile: [u32; 2], style: &[u8], in_tile: bool) -> Vec<u8> {
        let mut stream = b"\xff\x4f\xff\x51\x00\x29\x00\x00".to_vec();
        for value in [640, 480, 0, 0, tile[0], tile[1], 0, 0] {
            stream.extend(value.to_be_bytes());
        }
        stream.extend([0, 1, 11, 1, 1]);
        let length = u16::try_from(style.len() + 7).unwrap().to_be_bytes();
        let style = [
            b"\xff\x52",
            length.as_slice(),
            &[u8::from(style.len() > 5), 0, 0, 1, 0],
            style,
        ]
        .concat();
        let own: &[u8] = if in_tile { &style } else { &[] };
        let part = u32::try_from(12 + own.len() + 2 + 4).unwrap().to_be_bytes();
        let part = [
            b"\xff\x90\x00\x0a\x00\x00",
            part.as_slice(),
            b"\x00\x01",
            own,
            b"\xff\x93data",
        ]
        .concat();
        [
            stream,
            if in_tile { Vec::new() } else { style.clone() },
            part,
            b"\xff\xd9".to_vec(),
        ]
        .concat()
    }

    #[test]
    fn a_common_stream_has_large_blocks() {
        for in_tile in [false, true] {
            for style in [
                [5, 4, 4, 0, 1].as_slice(),
                &[1, 3, 3, 0, 1, 0x77, 0x88],
                &[1, 3, 3, 0, 1, 0x66, 0x66],
            ] {
                let stream = stream([640, 64], style, in_tile);
                assert_eq!(read_header(&stream), Ok(HEADER));
                assert!(has_large_blocks(&stream, HEADER), "{style:?}");
                for cut in 0..stream.len() - 3 {
                    assert!(
                        !has_large_blocks(&stream[..cut], HEADER) || cut + 2 == stream.len(),
                        "cut at {cut}"
                    );
                }
            }
        }
    }

    #[test]
    fn tiles_precincts_and_blocks_of_a_few_pixels_are_refused() {
        let common: &[u8] = &[5, 4, 4, 0, 1];
        for tile in [[1, 1], [640, 1], [63, 480], [0, 0]] {
            assert!(
                !has_large_blocks(&stream(tile, common, false), HEADER),
                "{tile:?}"
            );
        }
        for style in [
            [5, 0, 0, 0, 1].as_slice(),
            &[5, 2, 3, 0, 1],
            &[5, 9, 4, 0, 1],
            &[0, 4, 4, 0, 1, 0x00],
            &[1, 4, 4, 0, 1, 0x77, 0x74],
        ] {
            for in_tile in [false, true] {
                assert!(
                    !has_large_blocks(&stream([640, 480], style, in_tile), HEADER),
                    "{style:?}"
                );
            }
        }
    }
}
