//! Computes SHA-256 hashes (FIPS 180-4) and writes them in hexadecimal.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
///
/// # Examples
/// ```
/// use lungfield_support::sha256;
///
/// assert_eq!(
///     sha256::hex(b"abc"),
///     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
/// );
/// ```
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// Returns the SHA-256 of everything that `reader` yields until its end, as [`hex`] writes it.
///
/// At most a few kilobytes are in memory at a time, so the file may be larger than memory.
///
/// # Errors
/// Returns the first error of the reader, except `Interrupted`, after which it reads on.
///
/// # Examples
/// ```
/// use lungfield_support::sha256;
///
/// assert_eq!(sha256::hex_of_reader(&b"abc"[..])?, sha256::hex(b"abc"));
/// # Ok::<_, std::io::Error>(())
/// ```
pub fn hex_of_reader(reader: impl Read) -> io::Result<String> {
    let mut reader = BufReader::new(reader);
    let mut hash = Sha256::new();
    loop {
        let piece = match reader.fill_buf() {
            Ok([]) => break,
            Ok(piece) => piece,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(piece);
        let length = piece.len();
        reader.consume(length);
    }
    Ok(base16ct::lower::encode_string(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_has_the_hash_of_its_bytes_however_many_reads_they_take() {
        let bytes: Vec<u8> = (0..100_000_u32)
            .map(|place| place.to_le_bytes()[0])
            .collect();
        let (front, back) = bytes.split_at(12_345);
        assert_eq!(hex_of_reader(front.chain(back)).unwrap(), hex(&bytes));
    }

    #[test]
    fn an_error_of_the_reader_is_returned() {
        let directory = fs_err::File::open(std::env::temp_dir()).unwrap();
        assert!(hex_of_reader(directory).is_err());
    }
}
