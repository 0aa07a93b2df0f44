//! Looks up the attributes of a DICOM object. A value that is missing or malformed is `None`.
//!
//! No value becomes part of an error or a log line, because values describe a patient.

use dicom_core::Tag;
use dicom_encoding::TransferSyntax;
use dicom_object::InMemDicomObject;
use dicom_parser::dataset::{DataSetReader, DataToken};
use dicom_transfer_syntax_registry::entries;

use super::element::Encoding;
use super::scan::{MAX_DEPTH, too_deep};
use crate::{DecodeError, undecodable};

/// The attributes of an object, or of an item of one of its sequences.
#[derive(Clone, Copy, Debug)]
pub(super) struct DataSet<'a>(pub(super) &'a InMemDicomObject);

/// Parses elements that the scan has accepted.
pub(super) fn parse(elements: &[u8], encoding: Encoding) -> Result<InMemDicomObject, DecodeError> {
    let syntax = match encoding {
        Encoding::ImplicitLittle => entries::IMPLICIT_VR_LITTLE_ENDIAN.erased(),
        Encoding::ExplicitLittle => entries::EXPLICIT_VR_LITTLE_ENDIAN.erased(),
        Encoding::ExplicitBig => entries::EXPLICIT_VR_BIG_ENDIAN.erased(),
    };
    check_depth(elements, &syntax)?;
    InMemDicomObject::read_dataset_with_ts(elements, &syntax).map_err(|_| unreadable())
}

/// Checks the depth of nested sequences once more, with the reader of dicom-rs.
///
/// This reader does not recurse, but the code that builds objects does. If dicom-rs ever finds an
/// element at another position than the scan, the stack is still safe.
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

/// Returns the error for an attribute that cannot be parsed.
fn unreadable() -> DecodeError {
    undecodable("an attribute is malformed")
}

impl<'a> DataSet<'a> {
    /// Returns the first value as text, without its padding, or `None` if all values are empty.
    pub(super) fn text(self, tag: Tag) -> Option<String> {
        self.texts(tag).into_iter().next()
    }

    /// Returns all values as text, without their padding. The list is empty if all values are
    /// empty.
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

    /// Returns the first value as a whole number that is not negative.
    pub(super) fn number(self, tag: Tag) -> Option<u32> {
        self.0.get(tag)?.to_int().ok()
    }

    /// Returns all values as whole numbers.
    pub(super) fn integers(self, tag: Tag) -> Vec<i64> {
        self.0
            .get(tag)
            .and_then(|element| element.to_multi_int().ok())
            .unwrap_or_default()
    }

    /// Returns all values as finite numbers. The list is empty if one of them is not finite.
    pub(super) fn decimals(self, tag: Tag) -> Vec<f64> {
        self.0
            .get(tag)
            .and_then(|element| element.to_multi_finite_float64().ok())
            .unwrap_or_default()
    }

    /// Returns the first value as a finite number.
    pub(super) fn decimal(self, tag: Tag) -> Option<f64> {
        self.decimals(tag).first().copied()
    }

    /// Returns the items of a sequence.
    pub(super) fn items(self, tag: Tag) -> impl Iterator<Item = DataSet<'a>> {
        self.0
            .get(tag)
            .and_then(|element| element.items())
            .unwrap_or_default()
            .iter()
            .map(DataSet)
    }

    /// Returns the first item of a sequence.
    pub(super) fn item(self, tag: Tag) -> Option<DataSet<'a>> {
        self.items(tag).next()
    }

    /// Returns the bytes of a value. Numbers are little endian.
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
