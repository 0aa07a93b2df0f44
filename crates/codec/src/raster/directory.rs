//! Checks the directory of a TIFF before the decoder reads it, and refuses lists that no image
//! needs.
//!
//! The decoder allocates a list with its declared length, at 32 bytes for each number. It does so
//! before it looks for the numbers, and before a limit can be set.

use crate::{Limits, MIN_SIDE};

/// The first tag whose list is not read. The tags below it state how an image is stored, the others
/// hold for example a colour profile.
const FIRST_PASSED_OVER: u64 = 700;
/// The length that a list may have in any image: a bit depth for each of many samples, or some
/// strips.
const LEAST: u64 = 1024;

/// A TIFF file, and how it writes its numbers.
struct TiffHeader<'a> {
    bytes: &'a [u8],
    little_endian: bool,
    big: bool,
}

/// Returns whether all lists of the first directory have a reasonable length, such as one strip for
/// each row of the tallest image. A directory that ends early is accepted here, and the decoder
/// refuses it.
pub(super) fn is_reasonable(bytes: &[u8], limits: Limits) -> bool {
    let longest = (limits.max_pixels / u64::from(MIN_SIDE)).max(LEAST);
    TiffHeader::of(bytes)
        .list_lengths()
        .is_none_or(|mut lengths| lengths.all(|length| length <= longest))
}

impl<'a> TiffHeader<'a> {
    /// Reads the first bytes of a file, which are known to be those of a TIFF.
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            little_endian: bytes.starts_with(b"I"),
            big: bytes.iter().take(4).any(|&byte| byte == 43),
        }
    }

    /// Returns the number of `length` bytes at a position, or `None` if it is beyond the end of the
    /// file.
    fn number(&self, at: u64, length: usize) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(length)?)?;
        let shifted_in = |number, &byte: &u8| number << 8 | u64::from(byte);
        Some(if self.little_endian {
            bytes.iter().rev().fold(0, shifted_in)
        } else {
            bytes.iter().fold(0, shifted_in)
        })
    }

    /// Returns the declared lengths of the lists that the decoder may read.
    fn list_lengths(&self) -> Option<impl Iterator<Item = u64>> {
        let (pointer, pointer_bytes, count_bytes, entry_bytes) = if self.big {
            (8, 8, 8, 20)
        } else {
            (4, 4, 2, 12)
        };
        let directory = self.number(pointer, pointer_bytes)?;
        let entries = self.number(directory, count_bytes)?;
        let first = directory.checked_add(count_bytes as u64)?;
        let entry = move |index: u64| {
            let at = first.checked_add(index.checked_mul(entry_bytes)?)?;
            Some((
                self.number(at, 2)?,
                self.number(at.checked_add(4)?, pointer_bytes)?,
            ))
        };
        let entries = (0..entries).map_while(entry);
        Some(
            entries
                .filter(|&(tag, _)| tag < FIRST_PASSED_OVER)
                .map(|(_, length)| length),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecodeError;
    use crate::raster::samples::{fixture, read};

    const LIMITS: Limits = Limits {
        max_pixels: 1 << 20,
    };

    /// Returns a little-endian TIFF with another declared length of one list of its directory.
    fn declaring(file: &[u8], tag: u16, length: u32) -> Vec<u8> {
        let directory = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize + 2;
        let is_it = |entry: &[u8]| entry[..2] == tag.to_le_bytes();
        let at = directory + 12 * file[directory..].chunks_exact(12).position(is_it).unwrap() + 4;
        [&file[..at], &length.to_le_bytes(), &file[at + 4..]].concat()
    }

    #[test]
    fn the_directories_of_all_fixtures_are_reasonable() {
        let files: [&[u8]; 6] = [
            fixture!("big_endian16.tif"),
            fixture!("bigtiff8.tif"),
            fixture!("packbits8.tif"),
            fixture!("planar_rgb8.tif"),
            fixture!("palette8.tif"),
            fixture!("tiled16.tif"),
        ];
        for file in files {
            assert!(
                TiffHeader::of(file).list_lengths().unwrap().count() > 8,
                "its entries are found"
            );
            assert!(is_reasonable(file, LIMITS));
        }
    }

    #[test]
    fn a_list_is_refused_by_its_declared_length() {
        let file = fixture!("packbits8.tif");
        let longest = (1 << 20) / MIN_SIDE;
        for tag in [258, 273, 279] {
            assert!(is_reasonable(&declaring(file, tag, longest), LIMITS));
            let long = declaring(file, tag, longest + 1);
            assert!(!is_reasonable(&long, LIMITS));
        }
        let refusal = read(&declaring(file, 259, u32::MAX)).unwrap_err();
        assert_eq!(
            refusal,
            DecodeError::Undecodable(
                "the TIFF declares a longer list than any image needs".to_owned()
            )
        );
    }

    #[test]
    fn a_directory_that_ends_early_is_left_to_the_decoder() {
        let file = fixture!("bigtiff8.tif");
        for length in 4..file.len() {
            assert!(is_reasonable(&file[..length], LIMITS));
        }
    }
}
