//! Finds the data set of a DICOM file and its encoding.
//!
//! A file is a preamble of 128 bytes, `DICM`, the file meta information and the data set (PS3.10,
//! 7.1). Some senders omit the preamble, or everything but the data set, as in a network
//! association. These files are recognised by their first bytes.

use std::borrow::Cow;
use std::io::Read;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use flate2::read::DeflateDecoder;

use super::element::{Encoding, Reader};
use crate::{DecodeError, Limits, undecodable};

const PREAMBLE_BYTES: usize = 128;
const MAGIC: &[u8] = b"DICM";
/// The beginning of file meta information, the group length, in a file without a preamble.
const META: &[u8] = b"\x02\x00\x00\x00UL";
const META_GROUP: u16 = 0x0002;
/// The elements of group 8 with which a data set may begin if nothing is before it: group length,
/// character set, image type, creation date or time, SOP class and SOP instance.
const FIRST_ELEMENTS: [u16; 8] = [
    0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0013, 0x0016, 0x0018,
];
/// The number of bytes that a deflated data set may hold besides its pixels.
const HEADER_BYTES: u64 = 4 << 20;

/// The parts of a file.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// The bytes of the data set.
    pub(super) data: Cow<'a, [u8]>,
    /// The encoding of the data set.
    pub(super) encoding: Encoding,
    /// The UID of its transfer syntax.
    pub(super) transfer_syntax: String,
}

/// Returns whether bytes look like a DICOM file, or like the data set of one.
///
/// # Examples
///
/// ```
/// use lungfield_codec::dicom::is_dicom;
///
/// let mut file = vec![0; 128];
/// file.extend(b"DICM");
/// assert!(is_dicom(&file));
/// assert!(!is_dicom(b"\x89PNG\r\n\x1a\n"));
/// ```
#[must_use]
pub fn is_dicom(bytes: &[u8]) -> bool {
    after_preamble(bytes).is_some() || is_data_set(bytes)
}

/// Returns the bytes after the preamble, or all bytes if there is meta information without a
/// preamble.
fn after_preamble(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.get(PREAMBLE_BYTES..).unwrap_or_default();
    rest.strip_prefix(MAGIC)
        .or_else(|| bytes.starts_with(META).then_some(bytes))
}

/// Returns whether bytes look like a data set with nothing before it.
fn is_data_set(bytes: &[u8]) -> bool {
    let Some(([8, 0, element @ ..], rest)) = bytes.split_first_chunk::<4>() else {
        return false;
    };
    FIRST_ELEMENTS.contains(&u16::from_le_bytes(*element)) && rest.len() > 4
}

impl<'a> File<'a> {
    /// Divides a file into its parts. A deflated data set is inflated, up to the size that the
    /// largest film may need.
    pub(super) fn read(bytes: &'a [u8], limits: Limits) -> Result<Self, DecodeError> {
        let Some(file) = after_preamble(bytes) else {
            return Ok(Self::bare(bytes));
        };
        let mut meta = Reader::new(file, Encoding::ExplicitLittle);
        let mut transfer_syntax = None;
        while meta
            .peek_tag()
            .is_some_and(|Tag(group, _)| group == META_GROUP)
        {
            let header = meta.header()?;
            let value = meta.value(&header)?;
            if header.tag == tags::TRANSFER_SYNTAX_UID {
                transfer_syntax = Some(uid(value)?);
            }
        }
        let transfer_syntax = transfer_syntax
            .ok_or_else(|| undecodable("the file does not state its transfer syntax"))?;
        let data = Cow::Borrowed(meta.rest());
        Ok(match transfer_syntax.as_str() {
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => Self {
                data: inflated(&data, limits)?.into(),
                encoding: Encoding::ExplicitLittle,
                transfer_syntax,
            },
            uids::IMPLICIT_VR_LITTLE_ENDIAN => Self {
                data,
                encoding: Encoding::ImplicitLittle,
                transfer_syntax,
            },
            EXPLICIT_VR_BIG_ENDIAN => Self {
                data,
                encoding: Encoding::ExplicitBig,
                transfer_syntax,
            },
            _ => Self {
                data,
                encoding: Encoding::ExplicitLittle,
                transfer_syntax,
            },
        })
    }

    /// Reads a data set with nothing before it. Whether its value representations are explicit
    /// follows from its first element.
    fn bare(bytes: &'a [u8]) -> Self {
        let explicit = bytes
            .get(4..6)
            .is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase));
        let (encoding, uid) = if explicit {
            (Encoding::ExplicitLittle, uids::EXPLICIT_VR_LITTLE_ENDIAN)
        } else {
            (Encoding::ImplicitLittle, uids::IMPLICIT_VR_LITTLE_ENDIAN)
        };
        Self {
            data: Cow::Borrowed(bytes),
            encoding,
            transfer_syntax: uid.to_owned(),
        }
    }
}

/// A transfer syntax that is retired from the standard but still in use (PS3.5, 2016b, annex A.3).
pub(super) const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Reads a UID, without its padding.
fn uid(value: &[u8]) -> Result<String, DecodeError> {
    let text =
        std::str::from_utf8(value).map_err(|_| undecodable("the transfer syntax is not a UID"))?;
    Ok(text.trim_end_matches(['\0', ' ']).to_owned())
}

/// Inflates a data set, up to the size that the largest film may need.
fn inflated(data: &[u8], limits: Limits) -> Result<Vec<u8>, DecodeError> {
    let most = limits
        .max_pixels
        .saturating_mul(2)
        .saturating_add(HEADER_BYTES);
    let mut inflated = Vec::new();
    let read = DeflateDecoder::new(data)
        .take(most.saturating_add(1))
        .read_to_end(&mut inflated);
    read.map_err(|_| undecodable("the deflated data set is damaged"))?;
    if inflated.len() as u64 > most {
        return Err(undecodable("the deflated data set is larger than any film"));
    }
    Ok(inflated)
}
