//! Decides how the attributes of a DICOM object are looked up: a value is there and of its kind, or it is not.
//!
//! No value is ever put into an error or a log line: they are a patient's.

use dicom_core::Tag;
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries;

use super::element::Encoding;
use super::undecodable;
use crate::codec::DecodeError;

/// The attributes that were read of an object, or of an item of one of its sequences.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a>(pub(super) &'a InMemDicomObject);

/// Parses elements that were found to be sound.
pub(super) fn parse(elements: &[u8], encoding: Encoding) -> Result<InMemDicomObject, DecodeError> {
    let parsed = match encoding {
        Encoding::ImplicitLittle => {
            InMemDicomObject::read_dataset_with_ts(elements, &entries::IMPLICIT_VR_LITTLE_ENDIAN.erased())
        }
        Encoding::ExplicitLittle => {
            InMemDicomObject::read_dataset_with_ts(elements, &entries::EXPLICIT_VR_LITTLE_ENDIAN.erased())
        }
        Encoding::ExplicitBig => {
            InMemDicomObject::read_dataset_with_ts(elements, &entries::EXPLICIT_VR_BIG_ENDIAN.erased())
        }
    };
    parsed.map_err(|_| undecodable("an attribute is not written as its kind is"))
}

impl<'a> Header<'a> {
    /// The first value as text, without its padding; `None` where it is empty.
    pub(super) fn text(self, tag: Tag) -> Option<String> {
        self.texts(tag).into_iter().next()
    }

    /// All values as text, without their padding; none where all are empty.
    pub(super) fn texts(self, tag: Tag) -> Vec<String> {
        let values = self.0.get(tag).and_then(|element| element.to_multi_str().ok());
        let values = values.iter().flat_map(|values| values.iter());
        let trimmed: Vec<String> = values
            .flat_map(|value| value.split('\\'))
            .map(|value| value.trim_matches([' ', '\0']).to_owned())
            .collect();
        if trimmed.iter().all(String::is_empty) { Vec::new() } else { trimmed }
    }

    /// The first value as a whole number that is not negative.
    pub(super) fn number(self, tag: Tag) -> Option<u32> {
        self.0.get(tag)?.to_int().ok()
    }

    /// All values as whole numbers.
    pub(super) fn integers(self, tag: Tag) -> Vec<i64> {
        self.0.get(tag).and_then(|element| element.to_multi_int().ok()).unwrap_or_default()
    }

    /// All values as finite numbers; none where one is not.
    pub(super) fn decimals(self, tag: Tag) -> Vec<f64> {
        self.0.get(tag).and_then(|element| element.to_multi_finite_float64().ok()).unwrap_or_default()
    }

    /// The first value as a finite number.
    pub(super) fn decimal(self, tag: Tag) -> Option<f64> {
        self.decimals(tag).first().copied()
    }

    /// The items of a sequence.
    pub(super) fn items(self, tag: Tag) -> impl Iterator<Item = Header<'a>> {
        self.0.get(tag).and_then(|element| element.items()).unwrap_or_default().iter().map(Header)
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
