//! Checks that a JPEG codestream is one that the decoder reads correctly.
//!
//! The decoder ignores features that it does not support. It returns wrong pixels for a lossless
//! image with restart intervals or a point transform, without an error, and fails on fewer than 8
//! bits. So the headers are read here first (ITU-T T.81, annex B), and only a stream of one frame
//! and one scan is passed to the decoder.

use std::ops::RangeInclusive;

use super::stream_header::{StreamHeader, read_u16};
use crate::{DecodeError, undecodable};

const BEGIN: &[u8] = b"\xff\xd8";
const FILLING: u16 = 0xFFFF;
const LOSSLESS: u16 = 0xFFC3;
const INTERVAL: u16 = 0xFFDD;
const SCAN: u16 = 0xFFDA;
const SCAN_BYTE: u8 = 0xDA;
const RESTARTS: RangeInclusive<u8> = 0xD0..=0xD7;

/// Reads the header of a stream with one frame (baseline, extended or lossless, with Huffman
/// coding) and one scan.
pub(super) fn read_header(stream: &[u8]) -> Result<StreamHeader, DecodeError> {
    let (mut frame, mut interval) = (None, 0);
    let mut segments = Segments::of(stream);
    while let Some((marker, body)) = segments.next() {
        match marker {
            0xFFC0 | 0xFFC1 | LOSSLESS if frame.is_none() => {
                frame = Some((marker, frame_of(body)?));
            }
            INTERVAL => interval = read_u16(body, 0).ok_or_else(no_frame)?,
            SCAN => {
                let (kind, header) = frame.ok_or_else(no_frame)?;
                let data = &stream[segments.at..];
                if markers(data).any(|marker| marker == SCAN_BYTE) {
                    return Err(no_frame());
                }
                if kind == LOSSLESS
                    && !(interval == 0 && header.precision >= 8 && is_plain(body, data))
                {
                    return Err(undecodable(
                        "the lossless JPEG has restart intervals, a point transform, another \
                         prediction than the seven or fewer than 8 bits, which are not read",
                    ));
                }
                return Ok(header);
            }
            // Tables, application data and comments are skipped. Within any other segment, a
            // decoder would search for the frame.
            0xFFC4 | 0xFFDB | 0xFFE0..=0xFFEF | 0xFFFE => {}
            _ => break,
        }
    }
    Err(no_frame())
}

/// Returns the error for a stream that is not one frame with one scan.
fn no_frame() -> DecodeError {
    undecodable("the compressed image is not a JPEG of one frame and one scan")
}

/// Reads the frame header.
fn frame_of(body: &[u8]) -> Result<StreamHeader, DecodeError> {
    let stated = || {
        Some(StreamHeader {
            precision: *body.first()?,
            height: read_u16(body, 1)?.into(),
            width: read_u16(body, 3)?.into(),
            components: (*body.get(5)?).into(),
        })
    };
    stated().ok_or_else(no_frame)
}

/// Returns whether a lossless scan of one component has one of the seven predictions, no point
/// transform and no restart.
fn is_plain(scan: &[u8], data: &[u8]) -> bool {
    let [_count, _component, _tables, prediction, _end, transform] = *scan else {
        return false;
    };
    (1..=7).contains(&prediction)
        && transform == 0
        && !markers(data).any(|marker| RESTARTS.contains(&marker))
}

/// Returns the second bytes of all markers in the data of a scan. A decoder would decode as many
/// scans as there are markers.
fn markers(data: &[u8]) -> impl Iterator<Item = u8> {
    data.array_windows()
        .filter(|[first, _]| *first == 0xFF)
        .map(|&[_, second]| second)
}

/// An iterator over the marker segments of a stream: each marker, and the bytes after its length.
struct Segments<'a> {
    stream: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    /// Starts after the first marker, or at the end if the stream does not begin with it.
    fn of(stream: &'a [u8]) -> Self {
        Self {
            stream,
            at: if stream.starts_with(BEGIN) {
                BEGIN.len()
            } else {
                stream.len()
            },
        }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while read_u16(self.stream, self.at)? == FILLING {
            self.at += 1;
        }
        let marker = read_u16(self.stream, self.at)?;
        let end = self.at + 2 + usize::from(read_u16(self.stream, self.at + 2)?);
        let body = self.stream.get(self.at + 4..end)?;
        self.at = end;
        Some((marker, body))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a stream of one frame, with the bytes `before` in front of its scan.
    fn stream(kind: u8, precision: u8, before: &[u8], transform: u8) -> Vec<u8> {
        [
            b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff".as_slice(),
            &[kind, 0, 11, precision, 0, 48, 0, 64, 1, 1, 0x11, 0],
            before,
            &[0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 0, transform],
            b"data\xff\xd9",
        ]
        .concat()
    }

    /// Returns an 8-bit baseline stream of a size.
    pub(in crate::dicom) fn baseline(width: u16, height: u16, components: u8) -> Vec<u8> {
        let mut stream = stream(0xC0, 8, b"", 0);
        stream[14..16].copy_from_slice(&height.to_be_bytes());
        stream[16..18].copy_from_slice(&width.to_be_bytes());
        stream[18] = components;
        stream
    }

    /// Returns a lossless stream with a prediction.
    fn with_prediction(prediction: u8) -> Vec<u8> {
        let mut stream = stream(0xC3, 8, b"", 0);
        let at = stream.len() - b"data\xff\xd9".len() - 3;
        stream[at] = prediction;
        stream
    }

    const INTERVAL_OF_16: &[u8] = b"\xff\xdd\x00\x04\x00\x10";

    #[test]
    fn streams_that_the_decoder_reads_correctly_are_accepted() {
        let expected = |precision| {
            Ok(StreamHeader {
                width: 64,
                height: 48,
                components: 1,
                precision,
            })
        };
        for (kind, precision, before) in [
            (0xC0, 8, b"".as_slice()),
            (0xC1, 12, b"".as_slice()),
            (0xC3, 8, b"".as_slice()),
            (0xC3, 16, b"\xff\xfe\x00\x04hi".as_slice()),
            (0xC0, 8, INTERVAL_OF_16),
            (0xC0, 8, b"\xff\xe1\x00\x08\xff\xd8\xff\xda..".as_slice()),
            (0xC3, 8, b"\xff\xfe\x00\x04\xff\xda".as_slice()),
            (0xC3, 12, b"\xff\xdd\x00\x04\x00\x00".as_slice()),
        ] {
            assert_eq!(
                read_header(&stream(kind, precision, before, 0)),
                expected(precision),
                "{kind:#x}"
            );
        }
    }

    #[test]
    fn streams_that_the_decoder_would_misread_are_refused() {
        for (stream, words) in [
            (stream(0xC3, 12, INTERVAL_OF_16, 0), "restart"),
            (stream(0xC3, 12, b"", 1), "point transform"),
            (stream(0xC3, 7, b"", 0), "fewer than 8 bits"),
            (stream(0xC2, 8, b"", 0), "one frame"),
            (
                stream(0xC3, 8, b"", 0)
                    .into_iter()
                    .chain(*b"\xff\xd0")
                    .collect(),
                "restart",
            ),
            (with_prediction(0), "prediction"),
            (with_prediction(8), "prediction"),
            (
                stream(
                    0xC0,
                    8,
                    b"\xff\xc0\x00\x0b\x08\x00\x30\x00\x40\x01\x01\x11\x00",
                    0,
                ),
                "one frame",
            ),
            (
                [stream(0xC0, 8, b"", 0), b"\xff\xda".to_vec()].concat(),
                "one scan",
            ),
        ] {
            assert!(
                matches!(read_header(&stream), Err(DecodeError::Undecodable(reason)) if reason.contains(words))
            );
        }
        let whole = stream(0xC0, 8, b"", 0);
        for cut in 0..whole.len() - b"data\xff\xd9".len() {
            assert!(read_header(&whole[..cut]).is_err(), "cut at {cut}");
        }
    }
}
