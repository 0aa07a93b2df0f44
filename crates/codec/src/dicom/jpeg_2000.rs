//! Decides whether a JPEG 2000 codestream asks for no more than its picture needs.
//!
//! It may part a picture into tiles, precincts and code-blocks down to single pixels, and a decoder keeps some hundred bytes for each. No
//! encoder of radiographs goes below 32 pixels a side, so that what does is refused, wherever in the stream it says so: coding styles stand
//! in the main header and in those of tile-parts (ITU-T T.800, A.4 to A.6).

use super::codestream::{Stated, big_endian};
use super::undecodable;
use crate::DecodeError;

const STYLE: u16 = 0xFF52;
const COMPONENT_STYLE: u16 = 0xFF53;
const TILE_PART: u16 = 0xFF90;
const DATA: u16 = 0xFF93;
const END: u16 = 0xFFD9;
/// The sides, as powers of two, below which no precinct and no code-block may be. A block is cut to half of a precinct.
const LEAST_PRECINCT: u8 = 6;
const LEAST_BLOCK: u8 = 5;
/// The least side of a tile, where it does not reach across the picture.
const LEAST_TILE: u32 = 64;
/// Where the size segment tells of the picture's place, and of the first tile's.
const OFFSETS: [usize; 4] = [16, 20, 32, 36];

/// The size segment, which comes first. Neither a picture that begins elsewhere than at the origin, nor one of thinned components, nor of
/// signed samples is read.
pub(super) fn stated(stream: &[u8]) -> Result<Stated, DecodeError> {
    size(stream).ok_or_else(|| {
        undecodable(
            "the compressed image is no JPEG 2000 codestream of unsigned samples that begins at the origin",
        )
    })
}

fn size(stream: &[u8]) -> Option<Stated> {
    // A decoder goes by the number of components, not by the length that is stated.
    let begins = stream.starts_with(&[0xFF, 0x4F, 0xFF, 0x51, 0, 41]);
    if !begins || OFFSETS.iter().any(|&at| long(stream, at) != Some(0)) {
        return None;
    }
    let spread = *stream.get(42..)?.first_chunk::<3>()?;
    // The highest bit says that samples are signed.
    (spread[0] < 0x80 && spread[1..] == [1, 1]).then_some(Stated {
        width: long(stream, 8)?,
        height: long(stream, 12)?,
        components: big_endian(stream, 40)?,
        precision: spread[0] + 1,
    })
}

/// Whether tiles, precincts and code-blocks of a stream with one component are large enough, and all its headers can be walked through.
pub(super) fn is_frugal(stream: &[u8], stated: Stated) -> bool {
    let tile = |at, side: u32| long(stream, at).is_some_and(|tile| tile >= LEAST_TILE.min(side));
    tile(24, stated.width) && tile(28, stated.height) && walk(stream).is_some()
}

/// Passes through all headers; `None` where one is broken or asks for too much.
fn walk(stream: &[u8]) -> Option<()> {
    let mut at = 2;
    loop {
        let (marker, start) = (big_endian(stream, at)?, at);
        match marker {
            // What the last tile-part may leave out is the end.
            END => return Some(()),
            TILE_PART => {
                let length = long(stream, at + 6)? as usize;
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

/// Passes through the header of a tile-part, up to where its data begin.
fn tile_part(stream: &[u8], mut at: usize) -> Option<usize> {
    while big_endian(stream, at)? != DATA {
        at = segment(stream, at)?;
    }
    Some(at + 2)
}

/// Passes over a marker segment; `None` where it is a coding style that asks for too much.
fn segment(stream: &[u8], at: usize) -> Option<usize> {
    let end = at + 2 + usize::from(big_endian(stream, at + 2).filter(|&length| length >= 2)?);
    let body = stream.get(at + 4..end)?;
    let is_sound = match big_endian(stream, at)? {
        STYLE => is_style_sound(*body.first()?, body.get(5..)?),
        COMPONENT_STYLE => is_style_sound(*body.get(1)?, body.get(2..)?),
        TILE_PART => Some(body.len() == 8),
        // These have no length, and nothing to do in a header.
        0xFF30..=0xFF3F => None,
        0xFF00..=0xFFFF => Some(true),
        _ => None,
    };
    is_sound?.then_some(end)
}

/// Of a coding style and its parameters: levels, a code-block's width and height less 2, style, transform, precincts where they are stated.
fn is_style_sound(style: u8, parameters: &[u8]) -> Option<bool> {
    let ([levels, width, height, _style, _transform], precincts) =
        parameters.split_first_chunk()?;
    // A decoder goes by the levels, not by the length that is stated.
    let stated = if style & 1 == 0 {
        0
    } else {
        usize::from(*levels) + 1
    };
    let are_blocks_sound = [width, height]
        .into_iter()
        .all(|side| (LEAST_BLOCK - 2..=8).contains(side));
    let is_large =
        |precinct: &u8| precinct & 0xF >= LEAST_PRECINCT && precinct >> 4 >= LEAST_PRECINCT;
    Some(are_blocks_sound && precincts.len() == stated && precincts.iter().all(is_large))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|four| u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATED: Stated = Stated {
        width: 640,
        height: 480,
        components: 1,
        precision: 12,
    };

    /// A stream with tiles of these sides, its coding style in the main header or in that of a tile-part.
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
    fn a_common_stream_is_frugal() {
        for in_tile in [false, true] {
            for style in [
                [5, 4, 4, 0, 1].as_slice(),
                &[1, 3, 3, 0, 1, 0x77, 0x88],
                &[1, 3, 3, 0, 1, 0x66, 0x66],
            ] {
                let stream = stream([640, 64], style, in_tile);
                assert_eq!(stated(&stream), Ok(STATED));
                assert!(is_frugal(&stream, STATED), "{style:?}");
                for cut in 0..stream.len() - 3 {
                    assert!(
                        !is_frugal(&stream[..cut], STATED) || cut + 2 == stream.len(),
                        "cut at {cut}"
                    );
                }
            }
        }
    }

    #[test]
    fn tiles_precincts_and_blocks_of_a_few_pixels_are_not() {
        let common: &[u8] = &[5, 4, 4, 0, 1];
        for tile in [[1, 1], [640, 1], [63, 480], [0, 0]] {
            assert!(!is_frugal(&stream(tile, common, false), STATED), "{tile:?}");
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
                    !is_frugal(&stream([640, 480], style, in_tile), STATED),
                    "{style:?}"
                );
            }
        }
    }
}
