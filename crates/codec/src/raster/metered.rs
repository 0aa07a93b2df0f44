//! Limits how many bytes are read from a file in total. A TIFF directory can refer to the same
//! bytes again and again.

use std::io::{Cursor, Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// The most bytes that one read returns. A reader that asks for more than it needs, such as a
/// buffered one, is then charged for little more than it needs.
const PIECE_BYTES: usize = 64;
/// How often a file may be read. A valid file is read once or twice, and each short strip costs one
/// more piece.
const TIMES: u64 = 8;
/// The number of bytes that may be read from any file, however small.
const LEAST_BYTES: u64 = 1 << 20;

/// A file with a limit on the number of bytes that are read from it.
pub(super) struct Metered<'a> {
    file: Cursor<&'a [u8]>,
    left: u64,
}

impl<'a> Metered<'a> {
    /// Starts at the beginning of a file.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let left = (bytes.len() as u64).saturating_mul(TIMES).max(LEAST_BYTES);
        Self {
            file: Cursor::new(bytes),
            left,
        }
    }
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let piece = buffer.len().min(PIECE_BYTES);
        let read = self.file.read(&mut buffer[..piece])?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| Error::from(ErrorKind::QuotaExceeded))?;
        Ok(read)
    }
}

impl Seek for Metered<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_several_times_but_not_without_end() {
        let bytes: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
        let mut file = Metered::new(&bytes);
        for _time in 0..TIMES {
            let mut read = Vec::new();
            file.rewind().unwrap();
            file.read_to_end(&mut read).unwrap();
            assert!(read == bytes);
        }
        file.rewind().unwrap();
        assert_eq!(
            file.read(&mut [0]).unwrap_err().kind(),
            ErrorKind::QuotaExceeded
        );
    }

    #[test]
    fn a_seek_costs_nothing_and_a_short_read_costs_one_piece() {
        let bytes = [7; 4096];
        let mut file = Metered::new(&bytes);
        for _time in 0..LEAST_BYTES / PIECE_BYTES as u64 {
            file.seek(SeekFrom::Start(1000)).unwrap();
            assert_eq!(file.read(&mut [0; 4096]).unwrap(), PIECE_BYTES);
        }
        assert!(file.read(&mut [0; 4096]).is_err());
    }
}
