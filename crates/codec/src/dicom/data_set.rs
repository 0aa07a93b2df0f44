//! Decides how the attributes of a DICOM object are looked up: a value is there and of its kind, or it is not.
//!
//! No value is ever put into an error or a log line: they are a patient's.

use dicom_core::Tag;
use dicom_encoding::TransferSyntax;
use dicom_object::InMemDicomObject;
use dicom_parser::dataset::{DataSetReader, DataToken};
use dicom_transfer_syntax_registry::entries;

use super::element::Encoding;
use super::scan::{MAX_DEPTH, too_deep};
use super::undecodable;
use crate::DecodeError;

/// The attributes that were read of an object, or of an item of one of its sequences.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a>(pub(super) &'a InMemDicomObject);

/// Parses elements that were found to be sound.
pub(super) fn parse(elements: &[u8], encoding: Encoding) -> Result<InMemDicomObject, DecodeError> {
    let syntax = match encoding {
        Encoding::ImplicitLittle => entries::IMPLICIT_VR_LITTLE_ENDIAN.erased(),
        Encoding::ExplicitLittle => entries::EXPLICIT_VR_LITTLE_ENDIAN.erased(),
        Encoding::ExplicitBig => entries::EXPLICIT_VR_BIG_ENDIAN.erased(),
    };
    check_depth(elements, &syntax)?;
    InMemDicomObject::read_dataset_with_ts(elements, &syntax).map_err(|_| unreadable())
}

/// Looks once more how deep sequences lie in each other, this time as dicom-rs reads them: its reader does not recurse, but what makes
/// objects of them does. Should it ever find an element elsewhere than the scan did, the stack is safe all the same.
fn check_depth(elements: &[u8], syntax: &TransferSyntax) -> Result<(), DecodeError> {
    let mut depth = 0_usize;
    for token in DataSetReader::new_with_ts(elements, syntax).map_err(|_| unreadable())? {
        match token.map_err(|_| unreadable())? {
            DataToken::SequenceStart { .. } | DataToken::PixelSequenceStart => depth += 1,
            DataToken::SequenceEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
    }
    Ok(())
}

fn unreadable() -> DecodeError {
    undecodable("an attribute is not written as its kind is")
}

impl<'a> Header<'a> {
    /// The first value as text, without its padding; `None` where it is empty.
    pub(super) fn text(self, tag: Tag) -> Option<String> {
        self.texts(tag).into_iter().next()
    }

    /// All values as text, without their padding; none where all are empty.
    pub(super) fn texts(self, tag: Tag) -> Vec<String> {
        let values = self
            .0
            .get(tag)
            .and_then(|element| element.to_multi_str().ok());
        let values = values.iter().flat_map(|values| values.iter());
        let trimmed: Vec<String> = values
            .flat_map(|value| value.split('\\'))
            .map(|value| value.trim_matches([' ', '\0']).to_owned())
            .collect();
        if trimmed.iter().all(String::is_empty) {
            Vec::new()
        } else {
            trimmed
        }
    }

    /// The first value as a whole number that is not negative.
    pub(super) fn number(self, tag: Tag) -> Option<u32> {
        self.0.get(tag)?.to_int().ok()
    }

    /// All values as whole numbers.
    pub(super) fn integers(self, tag: Tag) -> Vec<i64> {
        self.0
            .get(tag)
            .and_then(|element| element.to_multi_int().ok())
            .unwrap_or_default()
    }

    /// All values as finite numbers; none where one is not.
    pub(super) fn decimals(self, tag: Tag) -> Vec<f64> {
        self.0
            .get(tag)
            .and_then(|element| element.to_multi_finite_float64().ok())
            .unwrap_or_default()
    }

    /// The first value as a finite number.
    pub(super) fn decimal(self, tag: Tag) -> Option<f64> {
        self.decimals(tag).first().copied()
    }

    /// The items of a sequence.
    pub(super) fn items(self, tag: Tag) -> impl Iterator<Item = Header<'a>> {
        self.0
            .get(tag)
            .and_then(|element| element.items())
            .unwrap_or_default()
            .iter()
            .map(Header)
    }

    /// The first item of a sequence.
    pub(super) fn item(self, tag: Tag) -> Option<Header<'a>> {
        self.items(tag).next()
    }

    /// The bytes of a value, of numbers the lower one first.
    pub(super) fn bytes(self, tag: Tag) -> Option<Vec<u8>> {
        Some(self.0.get(tag)?.to_bytes().ok()?.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_counted_as_dicom_rs_reads_them() {
        let begin = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff";
        let end = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00";
        let nested = |depth| [begin.repeat(depth), end.repeat(depth)].concat();
        assert!(parse(&nested(MAX_DEPTH), Encoding::ExplicitLittle).is_ok());
        for deep in [MAX_DEPTH + 1, 100_000] {
            assert_eq!(
                parse(&nested(deep), Encoding::ExplicitLittle),
                Err(too_deep())
            );
        }
    }
}
