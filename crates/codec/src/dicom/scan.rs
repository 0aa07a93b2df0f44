//! Scans a data set without recursion, checks its depth and lengths, and selects the elements that
//! are read.
//!
//! A data set is not trusted. dicom-rs recurses over sequences, so thousands of nested sequences
//! would overflow the stack and end the process. It would also parse everything else in the data
//! set. So it only gets the few elements that describe a film or that objects about the film
//! repeat, and only from a data set that the scan has accepted.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::attributes;
use super::element::{ElementHeader, Encoding, ITEM, ITEM_END, Reader, SEQUENCE_END};
use crate::{DecodeError, undecodable};

/// The largest depth of nested sequences. Structured reports, the deepest objects in use, need
/// about ten.
pub(super) const MAX_DEPTH: usize = 32;
/// The most bytes of the elements that are read, without the pixels. The largest elements are two
/// tables of 128 KiB each.
const MAX_READ_BYTES: usize = 2 << 20;
/// The most bytes of a value that other objects repeat. A name has at most 192 characters, and
/// several times as many bytes with escape sequences.
const MAX_TEXT_BYTES: usize = 4096;

/// The parts of a data set that are read.
#[derive(Debug)]
pub(super) struct Scanned<'a> {
    /// The bytes of the elements that describe the film, one after the other.
    pub(super) elements: Vec<u8>,
    /// The bytes of the values that an object about the film repeats.
    pub(super) origin: Vec<(Tag, &'a [u8])>,
    /// The pixels, if there are any.
    pub(super) pixels: Option<PixelData<'a>>,
}

/// The bytes of the element Pixel Data.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PixelData<'a> {
    /// Samples that are not compressed.
    Native {
        /// The bytes of all samples.
        bytes: &'a [u8],
        /// Whether they were written as words of 16 bits, so that the byte order of the data set
        /// applies to pairs of bytes, whatever the size of a sample.
        words: bool,
    },
    /// The fragments of a compressed image, without their table of offsets.
    Encapsulated(Vec<&'a [u8]>),
}

/// Scans the data set up to its pixels. The elements after them are not needed.
pub(super) fn scan(data: &[u8], encoding: Encoding) -> Result<Scanned<'_>, DecodeError> {
    let mut reader = Reader::new(data, encoding);
    let mut scanned = Scanned {
        elements: Vec::new(),
        origin: Vec::new(),
        pixels: None,
    };
    while !reader.rest().is_empty() {
        let start = reader.at();
        let header = reader.header()?;
        if header.tag == tags::PIXEL_DATA {
            scanned.pixels = Some(pixels(&mut reader, &header)?);
            break;
        }
        let value = reader.rest();
        let plain = skip(&mut reader, &header)?;
        if attributes::is_of_a_film(header.tag) {
            let element = reader.since(start);
            if !plain || scanned.elements.len() + element.len() > MAX_READ_BYTES {
                return Err(unusable());
            }
            scanned.elements.extend_from_slice(element);
        }
        if attributes::is_of_its_origin(header.tag) {
            let length = header
                .length
                .filter(|&length| plain && length <= MAX_TEXT_BYTES)
                .ok_or_else(unusable)?;
            if scanned.origin.iter().any(|(tag, _)| *tag == header.tag) {
                return Err(undecodable("an attribute occurs twice"));
            }
            scanned.origin.push((header.tag, &value[..length]));
        }
    }
    Ok(scanned)
}

/// Returns the error for an attribute that is malformed or too large.
fn unusable() -> DecodeError {
    undecodable("an attribute has another type, or is larger than allowed")
}

/// Reads the value of the element Pixel Data.
fn pixels<'a>(
    reader: &mut Reader<'a>,
    header: &ElementHeader,
) -> Result<PixelData<'a>, DecodeError> {
    if header.length.is_some() {
        let words = header.vr == dicom_core::VR::OW;
        return Ok(PixelData::Native {
            bytes: reader.value(header)?,
            words,
        });
    }
    let mut items = Vec::new();
    loop {
        let item = reader.header()?;
        match item.tag {
            ITEM => items.push(reader.value(&item)?),
            SEQUENCE_END => break,
            _ => return Err(out_of_place()),
        }
    }
    // The first item is the table of offsets, which may be empty.
    if items.is_empty() {
        return Err(undecodable("the compressed image has no fragment"));
    }
    Ok(PixelData::Encapsulated(items.split_off(1)))
}

/// Returns the error for sequences that are nested too deep.
pub(super) fn too_deep() -> DecodeError {
    undecodable("sequences are nested too deeply")
}

/// Returns the error for an item or an end of a sequence in a wrong position.
fn out_of_place() -> DecodeError {
    undecodable("an item of a sequence is in a wrong position")
}

/// A sequence or an item that contains the current position.
#[derive(Clone, Copy, Debug)]
struct Level {
    container: Container,
    /// The position of its end, or `None` if a delimiter ends it.
    end: Option<usize>,
    /// The last position at which everything in it must end.
    bound: usize,
    /// The encoding of the elements in it.
    encoding: Encoding,
}

/// The kind of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    /// A sequence whose items hold elements.
    Sequence,
    /// A sequence whose items hold bytes.
    Fragments,
    /// An item of a sequence.
    Item,
}

/// Skips the value of an element. Returns whether it contains only sequences and elements that
/// state their length.
fn skip(reader: &mut Reader<'_>, header: &ElementHeader) -> Result<bool, DecodeError> {
    let mut plain = header.is_whole()
        && !(header.is_encapsulated() || (header.is_sequence() && header.vr != dicom_core::VR::SQ));
    let outer = reader.encoding;
    let whole = reader.at() + reader.rest().len();
    let mut open = Vec::new();
    enter(reader, header, &mut open, whole)?;
    while let Some(&level) = open.last() {
        if level.end == Some(reader.at()) {
            open.pop();
            continue;
        }
        reader.encoding = level.encoding;
        let next = reader.header()?;
        match (level.container, next.tag) {
            (Container::Sequence, ITEM) => open.push(level.item(reader.at(), next.length)?),
            (Container::Fragments, ITEM) => {
                reader.value(&next)?;
            }
            (Container::Sequence | Container::Fragments, SEQUENCE_END)
            | (Container::Item, ITEM_END)
                if level.end.is_none() =>
            {
                open.pop();
            }
            (Container::Item, Tag(group, _)) if group != ITEM.group() => {
                plain &=
                    next.is_whole() && (next.length.is_some() || next.vr == dicom_core::VR::SQ);
                enter(reader, &next, &mut open, level.bound)?;
            }
            _ => return Err(out_of_place()),
        }
        if reader.at() > level.bound {
            return Err(undecodable("a sequence ends within an element"));
        }
    }
    reader.encoding = outer;
    Ok(plain)
}

/// Skips a plain value, or enters a sequence.
fn enter(
    reader: &mut Reader<'_>,
    header: &ElementHeader,
    open: &mut Vec<Level>,
    bound: usize,
) -> Result<(), DecodeError> {
    let container = if header.is_sequence() {
        Container::Sequence
    } else if header.is_encapsulated() {
        Container::Fragments
    } else {
        reader.value(header)?;
        return Ok(());
    };
    if open
        .iter()
        .filter(|level| level.container == Container::Sequence)
        .count()
        >= MAX_DEPTH
    {
        return Err(too_deep());
    }
    // A sequence of unknown representation has implicit representations, whatever contains it
    // (PS3.5, 6.2.2).
    let implicit = header.vr == dicom_core::VR::UN && reader.encoding == Encoding::ExplicitLittle;
    let encoding = if implicit {
        Encoding::ImplicitLittle
    } else {
        reader.encoding
    };
    let end = end(reader.at(), header.length, bound)?;
    open.push(Level {
        container,
        end,
        bound: end.unwrap_or(bound),
        encoding,
    });
    Ok(())
}

impl Level {
    /// Enters an item of a sequence.
    fn item(self, at: usize, length: Option<usize>) -> Result<Self, DecodeError> {
        let end = end(at, length, self.bound)?;
        Ok(Self {
            container: Container::Item,
            end,
            bound: end.unwrap_or(self.bound),
            ..self
        })
    }
}

/// Returns the position at which a value of a stated length ends, or an error if it is beyond
/// `bound`.
fn end(at: usize, length: Option<usize>, bound: usize) -> Result<Option<usize>, DecodeError> {
    let Some(length) = length else {
        return Ok(None);
    };
    let end = at.checked_add(length).filter(|&end| end <= bound);
    end.map(Some)
        .ok_or_else(|| undecodable("a sequence is longer than its parent"))
}
