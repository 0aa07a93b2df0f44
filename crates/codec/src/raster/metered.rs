//! Decides how much is read of a file in all: a directory can send its reader to the same bytes again and again.

use std::io::{Cursor, Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// The most bytes that are handed out at a time. Whoever asks for more than it needs, such as the buffer before an unpacker,
/// is so charged for little more than it needs.
const PIECE_BYTES: usize = 64;
/// How often a file may be read. A sound one is read once or twice, and a strip of a few bytes costs a whole piece more.
const TIMES: u64 = 8;
/// What may be read of the smallest file.
const LEAST_BYTES: u64 = 1 << 20;

/// A file that can't be read for ever.
pub(super) struct Metered<'a> {
    file: Cursor<&'a [u8]>,
    left: u64,
}

impl<'a> Metered<'a> {
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
    fn a_file_is_read_whole_and_often_but_not_for_ever() {
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
    fn a_seek_costs_nothing_and_a_little_costs_little() {
        let bytes = [7; 4096];
        let mut file = Metered::new(&bytes);
        for _time in 0..LEAST_BYTES / PIECE_BYTES as u64 {
            file.seek(SeekFrom::Start(1000)).unwrap();
            assert_eq!(file.read(&mut [0; 4096]).unwrap(), PIECE_BYTES);
        }
        assert!(file.read(&mut [0; 4096]).is_err());
    }
}
