//! Finds where the elements of a DICOM data set begin and end, in every encoding (PS3.5, 7.1).
//!
//! Nothing is copied and nothing recurses: a reader is a position in the bytes. Sequences are
//! recognised in the same way as in dicom-rs, because dicom-rs parses the elements that are found
//! here: by the written value representation or, without one, by the same dictionary.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use crate::{DecodeError, undecodable};

/// The encoding of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Implicit VR, little endian.
    ImplicitLittle,
    /// Explicit VR, little endian.
    ExplicitLittle,
    /// Explicit VR, big endian.
    ExplicitBig,
}

/// The tag of an item.
pub(super) const ITEM: Tag = Tag(0xFFFE, 0xE000);
/// The tag of the end of an item that does not state its length.
pub(super) const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
/// The tag of the end of a sequence that does not state its length.
pub(super) const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
/// The largest number of elements and items that are read. Objects of one frame have a few hundred.
/// A small deflated file can hold millions.
pub(super) const MAX_HEADERS: usize = 50_000;
/// The value of a length that is not stated.
const UNDEFINED: u32 = u32::MAX;

/// The header of an element: everything before its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ElementHeader {
    pub(super) tag: Tag,
    pub(super) vr: VR,
    /// The length of the value in bytes, or `None` if it is not stated.
    pub(super) length: Option<usize>,
}

impl ElementHeader {
    /// Returns whether the value is a list of items that hold elements.
    pub(super) fn is_sequence(&self) -> bool {
        self.vr == VR::SQ || (self.vr == VR::UN && self.length.is_none())
    }

    /// Returns whether the length of a numeric value is a multiple of the size of its numbers.
    /// Otherwise dicom-rs would continue at another position than this reader.
    pub(super) fn is_whole(&self) -> bool {
        use VR::{AT, FD, FL, OD, OF, OL, OV, OW, SL, SS, SV, UL, US, UV};
        let unit = match self.vr {
            US | SS | OW => 2,
            AT | UL | SL | FL | OL | OF => 4,
            FD | SV | UV | OD | OV => 8,
            _ => 1,
        };
        // dicom-rs reads these values as numbers, whatever representation is written.
        let dictionary = StandardDataDictionary
            .by_tag(self.tag)
            .map(DataDictionaryEntry::vr);
        let unit = if dictionary == Some(VirtualVr::Xs) {
            unit.max(2)
        } else {
            unit
        };
        self.length.is_none_or(|length| length % unit == 0)
    }

    /// Returns whether the value is a list of items that hold bytes.
    pub(super) fn is_encapsulated(&self) -> bool {
        self.length.is_none() && !self.is_sequence()
    }
}

/// A position in a data set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    headers: usize,
    pub(super) encoding: Encoding,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of a data set.
    pub(super) fn new(data: &'a [u8], encoding: Encoding) -> Self {
        Self {
            data,
            at: 0,
            headers: 0,
            encoding,
        }
    }

    /// Returns the number of bytes that were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Returns the bytes that were not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.data[self.at..]
    }

    /// Returns the bytes from an earlier position up to this one.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        &self.data[start..self.at]
    }

    /// Returns the next tag without reading it, or `None` if fewer bytes are left.
    pub(super) fn peek_tag(&self) -> Option<Tag> {
        let bytes = *self.rest().first_chunk::<4>()?;
        let [group, element] = [[bytes[0], bytes[1]], [bytes[2], bytes[3]]];
        Some(match self.encoding {
            Encoding::ExplicitBig => Tag(u16::from_be_bytes(group), u16::from_be_bytes(element)),
            _ => Tag(u16::from_le_bytes(group), u16::from_le_bytes(element)),
        })
    }

    /// Reads the header of the next element.
    pub(super) fn header(&mut self) -> Result<ElementHeader, DecodeError> {
        let tag = self.peek_tag().ok_or_else(broken_off)?;
        self.headers += 1;
        if self.headers > MAX_HEADERS {
            return Err(undecodable(
                "the data set has more elements than any film's",
            ));
        }
        self.at += 4;
        let explicit = self.encoding != Encoding::ImplicitLittle && tag.group() != ITEM.group();
        let (vr, length) = if explicit {
            self.explicit()?
        } else {
            (known_vr(tag), self.long()?)
        };
        let length = (length != UNDEFINED).then_some(length as usize);
        Ok(ElementHeader { tag, vr, length })
    }

    /// Reads an explicit value representation and its length. The length has two bytes, or four
    /// after two reserved bytes.
    fn explicit(&mut self) -> Result<(VR, u32), DecodeError> {
        let written = self.take(2)?;
        let vr = VR::from_binary([written[0], written[1]]).unwrap_or(VR::UN);
        let length = if has_short_length(vr) {
            u32::from(self.short()?)
        } else {
            self.take(2)?;
            self.long()?
        };
        Ok((vr, length))
    }

    /// Reads the value of an element that states its length.
    pub(super) fn value(&mut self, header: &ElementHeader) -> Result<&'a [u8], DecodeError> {
        let length = header
            .length
            .ok_or_else(|| undecodable("a value does not state its length"))?;
        self.take(length)
    }

    /// Reads some bytes.
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let taken = self.rest().get(..length).ok_or_else(broken_off)?;
        self.at += length;
        Ok(taken)
    }

    /// Reads a number of two bytes.
    fn short(&mut self) -> Result<u16, DecodeError> {
        let bytes = self.take(2)?.try_into().expect("two were taken");
        Ok(if self.encoding == Encoding::ExplicitBig {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    }

    /// Reads a number of four bytes.
    fn long(&mut self) -> Result<u32, DecodeError> {
        let bytes = self.take(4)?.try_into().expect("four were taken");
        Ok(if self.encoding == Encoding::ExplicitBig {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }
}

/// Returns the error for a file that ends within an element.
fn broken_off() -> DecodeError {
    undecodable("the file ends within an element")
}

/// Returns whether an explicit value representation has a length of two bytes (PS3.5, 7.1.2).
fn has_short_length(vr: VR) -> bool {
    use VR::{AE, AS, AT, CS, DA, DS, DT, FD, FL, IS, LO, LT, PN, SH, SL, SS, ST, TM, UI, UL, US};
    matches!(
        vr,
        AE | AS
            | AT
            | CS
            | DA
            | DS
            | DT
            | FD
            | FL
            | IS
            | LO
            | LT
            | PN
            | SH
            | SL
            | SS
            | ST
            | TM
            | UI
            | UL
            | US
    )
}

/// Returns the value representation of an element that does not state it.
pub(super) fn known_vr(tag: Tag) -> VR {
    let known = StandardDataDictionary
        .by_tag(tag)
        .map(DataDictionaryEntry::vr);
    known.map_or(VR::UN, VirtualVr::relaxed)
}

#[cfg(test)]
mod tests {
    use dicom_dictionary_std::tags;

    use super::*;

    #[test]
    fn an_element_is_read_in_every_encoding() {
        let written: [(Encoding, &[u8]); 3] = [
            (
                Encoding::ImplicitLittle,
                b"\x28\x00\x10\x00\x02\x00\x00\x00\x30\x00",
            ),
            (
                Encoding::ExplicitLittle,
                b"\x28\x00\x10\x00US\x02\x00\x30\x00",
            ),
            (Encoding::ExplicitBig, b"\x00\x28\x00\x10US\x00\x02\x00\x30"),
        ];
        for (encoding, bytes) in written {
            let mut reader = Reader::new(bytes, encoding);
            let header = reader.header().unwrap();
            assert_eq!(
                header,
                ElementHeader {
                    tag: tags::ROWS,
                    vr: VR::US,
                    length: Some(2)
                }
            );
            assert_eq!(reader.value(&header).unwrap().len(), 2);
            assert!(reader.rest().is_empty());
            for cut in 0..bytes.len() {
                let mut reader = Reader::new(&bytes[..cut], encoding);
                assert!(
                    reader
                        .header()
                        .and_then(|header| reader.value(&header))
                        .is_err(),
                    "cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_before_anything_is_made() {
        let mut reader = Reader::new(
            b"\xe0\x7f\x10\x00OW\x00\x00\xfe\xff\xff\x7f\x00\x00",
            Encoding::ExplicitLittle,
        );
        let header = reader.header().unwrap();
        assert_eq!(header.length, Some(0x7FFF_FFFE));
        assert!(reader.value(&header).is_err());
    }
}
