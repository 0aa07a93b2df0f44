//! Decides which elements of a data set are read at all, after it has walked over every one of them without recursion.
//!
//! A data set comes from anybody. dicom-rs recurses over sequences, so one that nests thousands of them would overflow the
//! stack and end the process; and it would read whatever else the sender has put in. So it is given those few elements that
//! bear on a film or on what is written about it, out of a data set whose depth and lengths were found to be sound.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::attributes;
use super::element::{Encoding, Header, ITEM, ITEM_END, Reader, SEQUENCE_END};
use super::undecodable;
use crate::DecodeError;

/// How deep sequences may lie in each other. Structured reports, the deepest objects in use, need some ten.
pub(super) const MAX_DEPTH: usize = 32;
/// The most bytes of the elements that are read, without the pixels. The largest of them are the entries of two tables, 128 KiB each.
const MAX_READ_BYTES: usize = 2 << 20;
/// The most bytes of a value that is repeated. A name has at most 192 characters, which escape sequences may make some times as long.
const MAX_TEXT_BYTES: usize = 4096;

/// What of a data set is read.
#[derive(Debug)]
pub(super) struct Scanned<'a> {
    /// The elements that bear on the film, as they were written, one after the other.
    pub(super) elements: Vec<u8>,
    /// The values of those that an object about the film repeats, as they were written.
    pub(super) origin: Vec<(Tag, &'a [u8])>,
    /// The pixels, where there are any.
    pub(super) pixels: Option<PixelData<'a>>,
}

/// The bytes of the element Pixel Data.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PixelData<'a> {
    /// Samples as they are. `words` where they were written as numbers of 16 bits.
    Native {
        /// All of them.
        bytes: &'a [u8],
        /// Whether the byte order of the data set is that of pairs of bytes here, whatever a sample has.
        words: bool,
    },
    /// The fragments of an image that was compressed, without their table of offsets.
    Encapsulated(Vec<&'a [u8]>),
}

/// Walks over the data set up to its pixels: nothing that matters comes after them.
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
        let plain = pass(&mut reader, &header)?;
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
                return Err(undecodable("an attribute is there twice"));
            }
            scanned.origin.push((header.tag, &value[..length]));
        }
    }
    Ok(scanned)
}

fn unusable() -> DecodeError {
    undecodable("an attribute is of another kind or larger than it may be")
}

fn pixels<'a>(reader: &mut Reader<'a>, header: &Header) -> Result<PixelData<'a>, DecodeError> {
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
    // The first is the table of offsets, which may be empty.
    if items.is_empty() {
        return Err(undecodable("there is no fragment of a compressed image"));
    }
    Ok(PixelData::Encapsulated(items.split_off(1)))
}

pub(super) fn too_deep() -> DecodeError {
    undecodable("sequences are nested too deep")
}

fn out_of_place() -> DecodeError {
    undecodable("an item of a sequence is out of place")
}

/// What is open around a place in a sequence.
#[derive(Clone, Copy, Debug)]
struct Level {
    kind: Kind,
    /// Where it ends; `None` where a delimiter says so.
    end: Option<usize>,
    /// Where at the latest everything in it has to end.
    bound: usize,
    /// How elements in it are written.
    encoding: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sequence,
    /// A sequence whose items are bytes.
    Fragments,
    Item,
}

/// Passes over the value of an element, and tells whether there was nothing in it but elements with a stated length and sequences.
fn pass(reader: &mut Reader<'_>, header: &Header) -> Result<bool, DecodeError> {
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
        match (level.kind, next.tag) {
            (Kind::Sequence, ITEM) => open.push(level.item(reader.at(), next.length)?),
            (Kind::Fragments, ITEM) => {
                reader.value(&next)?;
            }
            (Kind::Sequence | Kind::Fragments, SEQUENCE_END) | (Kind::Item, ITEM_END)
                if level.end.is_none() =>
            {
                open.pop();
            }
            (Kind::Item, Tag(group, _)) if group != ITEM.group() => {
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

/// Passes over a plain value, or opens a sequence.
fn enter(
    reader: &mut Reader<'_>,
    header: &Header,
    open: &mut Vec<Level>,
    bound: usize,
) -> Result<(), DecodeError> {
    let kind = if header.is_sequence() {
        Kind::Sequence
    } else if header.is_encapsulated() {
        Kind::Fragments
    } else {
        reader.value(header)?;
        return Ok(());
    };
    if open
        .iter()
        .filter(|level| level.kind == Kind::Sequence)
        .count()
        >= MAX_DEPTH
    {
        return Err(too_deep());
    }
    // A sequence of unknown representation is written implicitly, whatever is around it (PS3.5, 6.2.2).
    let implicit = header.vr == dicom_core::VR::UN && reader.encoding == Encoding::ExplicitLittle;
    let encoding = if implicit {
        Encoding::ImplicitLittle
    } else {
        reader.encoding
    };
    let end = end(reader.at(), header.length, bound)?;
    open.push(Level {
        kind,
        end,
        bound: end.unwrap_or(bound),
        encoding,
    });
    Ok(())
}

impl Level {
    fn item(self, at: usize, length: Option<usize>) -> Result<Self, DecodeError> {
        let end = end(at, length, self.bound)?;
        Ok(Self {
            kind: Kind::Item,
            end,
            bound: end.unwrap_or(self.bound),
            ..self
        })
    }
}

/// Where something of a stated length ends, within what is around it.
fn end(at: usize, length: Option<usize>, bound: usize) -> Result<Option<usize>, DecodeError> {
    let Some(length) = length else {
        return Ok(None);
    };
    let end = at.checked_add(length).filter(|&end| end <= bound);
    end.map(Some)
        .ok_or_else(|| undecodable("a sequence is longer than what is around it"))
}
