//! Decides what the bytes of an upload are, by their magic numbers and by nothing else.
//!
//! File names and media types are claims of the sender; the first bytes are what a decoder will meet.

/// An image format that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG, baseline or progressive.
    Jpeg,
    /// TIFF in either byte order, `BigTIFF` included.
    Tiff,
}

const MAGIC_NUMBERS: [(&[u8], Format); 6] = [
    (b"\x89PNG\r\n\x1a\n", Format::Png),
    (b"\xff\xd8\xff", Format::Jpeg),
    (b"II\x2a\x00", Format::Tiff),
    (b"MM\x00\x2a", Format::Tiff),
    (b"II\x2b\x00", Format::Tiff),
    (b"MM\x00\x2b", Format::Tiff),
];

/// The format that the first bytes announce, or `None` where they announce none that is read here.
///
/// It says nothing about the rest: a file of a known format may still be damaged.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    MAGIC_NUMBERS
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map(|&(_, format)| format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_magic_number_tells_the_format() {
        for (magic, format) in MAGIC_NUMBERS {
            assert_eq!(sniff(&[magic, b"and more"].concat()), Some(format));
            assert_eq!(
                sniff(&magic[..magic.len() - 1]),
                None,
                "an incomplete magic number is none"
            );
        }
    }

    #[test]
    fn what_is_not_read_here_is_not_recognised() {
        let dicom = [vec![0; 128], b"DICM".to_vec()].concat();
        let others: [&[u8]; 9] = [
            b"",
            b"a plain text",
            b"{\"size\": [1, 1]}",
            b"%PDF-1.7",
            b"PK\x03\x04",
            b"GIF89a",
            b"BM\x00\x00",
            b"RIFF\x00\x00\x00\x00WEBP",
            &dicom,
        ];
        for bytes in others {
            assert_eq!(sniff(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_magic_number_counts_at_the_start_only() {
        assert_eq!(sniff(b" \x89PNG\r\n\x1a\n"), None);
    }
}
