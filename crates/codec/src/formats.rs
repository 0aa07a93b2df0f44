//! The one table of file formats that films and reference masks are read from.
//!
//! File names and media types are claims of the sender, so a format is recognised by the first bytes alone. Everything else that
//! depends on the formats is taken from [`INPUT_FORMATS`]: the media types that an upload may state, the list in `/v1/model`, and
//! the text of [`DecodeError::Unrecognised`].

use std::fmt;

use crate::raster::{self, Raster};
use crate::{DecodeError, Limits, dicom};

/// A file format that can be read.
#[derive(Clone, Copy, Debug)]
pub struct InputFormat {
    /// What people call it.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// The usual extensions of its files, in lower case and without a dot, the most usual one first.
    pub extensions: &'static [&'static str],
    /// The largest difference between the red, green and blue of a pixel at which a reference mask still counts as grey, of 255.
    pub(crate) grey_tolerance: u16,
    recognises: fn(&[u8]) -> bool,
    decode: fn(&[u8], Limits) -> Result<Raster, DecodeError>,
}

/// Grey that was stored as colour in a JPEG comes back a few steps off where an encoder rounds, and tools that keep chroma noise
/// stay below this. Colour that is meant, such as a tinted or painted overlay, lies several times above it.
const JPEG_GREY_TOLERANCE: u16 = 16;

/// Every format that can be read.
///
/// Where the first bytes match several rows, the first one counts. DICOM comes first, since the preamble of a DICOM file may hold the
/// magic number of another format (PS3.10, 7.1).
pub static INPUT_FORMATS: [InputFormat; 4] = [
    InputFormat {
        name: "DICOM",
        media_type: dicom::MEDIA_TYPE,
        extensions: &["dcm"],
        grey_tolerance: 0,
        recognises: dicom::is_dicom,
        decode: dicom::read_raster,
    },
    InputFormat {
        name: "PNG",
        media_type: "image/png",
        extensions: &["png"],
        grey_tolerance: 0,
        recognises: |bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        decode: raster::png::read,
    },
    InputFormat {
        name: "JPEG",
        media_type: "image/jpeg",
        extensions: &["jpg", "jpeg"],
        grey_tolerance: JPEG_GREY_TOLERANCE,
        recognises: |bytes| bytes.starts_with(b"\xff\xd8\xff"),
        decode: raster::jpeg::read,
    },
    InputFormat {
        name: "single-page TIFF",
        media_type: "image/tiff",
        extensions: &["tif", "tiff"],
        grey_tolerance: 0,
        recognises: |bytes| TIFF.iter().any(|&magic| bytes.starts_with(magic)),
        decode: raster::tiff::read,
    },
];

/// The magic numbers of TIFF and `BigTIFF`, in either byte order.
const TIFF: [&[u8]; 4] = [b"II\x2a\x00", b"MM\x00\x2a", b"II\x2b\x00", b"MM\x00\x2b"];

/// Returns the media types of [`INPUT_FORMATS`], images before others.
///
/// ```
/// let media_types: Vec<_> = lungfield_codec::formats::media_types().collect();
/// assert_eq!(media_types, ["image/png", "image/jpeg", "image/tiff", "application/dicom"]);
/// ```
pub fn media_types() -> impl Iterator<Item = &'static str> {
    let is_image = |media_type: &&str| media_type.starts_with("image/");
    let media_types = || INPUT_FORMATS.iter().map(|format| format.media_type);
    media_types()
        .filter(is_image)
        .chain(media_types().filter(move |media_type| !is_image(media_type)))
}

impl InputFormat {
    /// Returns the format that the first bytes of a file announce, or `None` where they announce none that can be read.
    ///
    /// The rest of the file is not looked at: a file of a known format may still be damaged.
    ///
    /// ```
    /// use lungfield_codec::formats::InputFormat;
    ///
    /// let format = InputFormat::of(b"\x89PNG\r\n\x1a\n and so on").unwrap();
    /// assert_eq!((format.name, format.media_type), ("PNG", "image/png"));
    /// assert!(InputFormat::of(b"GIF89a").is_none());
    /// ```
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<&'static Self> {
        let mut formats = INPUT_FORMATS.iter();
        formats.find(|format| (format.recognises)(bytes))
    }

    /// Decodes a file of this format.
    pub(crate) fn decode(&self, bytes: &[u8], limits: Limits) -> Result<Raster, DecodeError> {
        (self.decode)(bytes, limits)
    }
}

/// The formats as a sentence lists them, for [`DecodeError::Unrecognised`].
pub(crate) struct Names;

impl fmt::Display for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, format) in (1..).zip(&INPUT_FORMATS) {
            let before = match place {
                1 => "",
                last if last == INPUT_FORMATS.len() => " and ",
                _ => ", ",
            };
            write!(formatter, "{before}{}", format.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC_NUMBERS: [(&[u8], &str); 7] = [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"II\x2a\x00", "single-page TIFF"),
        (b"MM\x00\x2a", "single-page TIFF"),
        (b"II\x2b\x00", "single-page TIFF"),
        (b"MM\x00\x2b", "single-page TIFF"),
        (b"\x02\x00\x00\x00UL", "DICOM"),
    ];

    fn name(bytes: &[u8]) -> Option<&'static str> {
        InputFormat::of(bytes).map(|format| format.name)
    }

    #[test]
    fn a_magic_number_tells_the_format() {
        for (magic, format) in MAGIC_NUMBERS {
            assert_eq!(name(&[magic, b"and more"].concat()), Some(format));
            let cut = &magic[..magic.len() - 1];
            assert_eq!(name(cut), None, "an incomplete magic number is none");
        }
    }

    #[test]
    fn a_preamble_that_is_also_another_file_is_that_of_dicom() {
        let mut both = vec![0; 128];
        both[..4].copy_from_slice(b"II\x2a\x00");
        both.extend_from_slice(b"DICM");
        assert_eq!(name(&both), Some("DICOM"));
    }

    #[test]
    fn other_files_are_not_recognised() {
        let others: [&[u8]; 9] = [
            b"",
            b"a plain text",
            b"{\"size\": [1, 1]}",
            b"%PDF-1.7",
            b"PK\x03\x04",
            b"GIF89a",
            b"BM\x00\x00",
            b"RIFF\x00\x00\x00\x00WEBP",
            b" \x89PNG\r\n\x1a\n",
        ];
        for bytes in others {
            assert_eq!(name(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn an_unreadable_file_is_told_what_can_be_read() {
        assert_eq!(
            DecodeError::Unrecognised.to_string(),
            "this is no image that is read here; DICOM, PNG, JPEG and single-page TIFF are"
        );
    }
}
