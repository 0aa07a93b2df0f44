//! Builds objects from attributes: tag and value, with the value representation of the standard's dictionary.

use dicom_core::value::{DataSetSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR, dicom_value};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use crate::dicom::element::known_vr;

/// An object or an item of a sequence that is being built.
#[derive(Clone, Debug)]
pub(super) struct Attributes(InMemDicomObject);

impl Attributes {
    pub(super) fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    /// Adds ASCII text. Several values are separated by backslashes; an unknown value is empty.
    pub(super) fn text(self, tag: Tag, value: &str) -> Self {
        self.value(tag, known_vr(tag), PrimitiveValue::from(value))
    }

    /// Adds several numbers, written as text.
    pub(super) fn decimals(self, tag: Tag, values: &[f64]) -> Self {
        let values: Vec<String> = values.iter().map(|&value| decimal(value)).collect();
        self.text(tag, &values.join("\\"))
    }

    /// Adds a number of 16 bits.
    pub(super) fn short(self, tag: Tag, value: u16) -> Self {
        self.value(tag, VR::US, dicom_value!(U16, value))
    }

    /// Adds several numbers of 16 bits.
    pub(super) fn shorts(self, tag: Tag, values: &[u16]) -> Self {
        self.value(tag, VR::US, PrimitiveValue::U16(values.into()))
    }

    /// Adds several numbers of 32 bits.
    pub(super) fn longs(self, tag: Tag, values: &[u32]) -> Self {
        self.value(tag, VR::UL, PrimitiveValue::U32(values.into()))
    }

    /// Adds the tag of another attribute.
    pub(super) fn tag(self, tag: Tag, value: Tag) -> Self {
        self.value(tag, VR::AT, dicom_value!(Tags, value))
    }

    /// Adds bytes as they are.
    pub(super) fn bytes(self, tag: Tag, vr: VR, value: Vec<u8>) -> Self {
        self.value(tag, vr, PrimitiveValue::U8(value.into()))
    }

    /// Adds a sequence of one item.
    pub(super) fn item(self, tag: Tag, item: Self) -> Self {
        self.items(tag, [item])
    }

    /// Adds a sequence.
    pub(super) fn items(mut self, tag: Tag, items: impl IntoIterator<Item = Self>) -> Self {
        let items: Vec<_> = items.into_iter().map(|item| item.0).collect();
        self.0
            .put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
        self
    }

    /// Adds a sequence of one code.
    pub(super) fn code(self, tag: Tag, code: Code) -> Self {
        self.item(tag, code.item())
    }

    /// Adds an optional value by `add`, or nothing.
    pub(super) fn with<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    pub(super) fn finish(self) -> InMemDicomObject {
        self.0
    }

    fn value(mut self, tag: Tag, vr: VR, value: PrimitiveValue) -> Self {
        self.0.put(DataElement::new(tag, vr, value));
        self
    }
}

/// Writes a number in at most 16 characters, as a decimal string must be (PS3.5, 6.2).
pub(super) fn decimal(value: f64) -> String {
    // The shortest text, or as many decimals as fit, or a power of ten.
    let fitting = (0..=14).rev().map(|decimals| format!("{value:.decimals$}"));
    let text = std::iter::once(value.to_string())
        .chain(fitting)
        .find(|text| text.len() <= 16);
    text.map_or_else(|| format!("{value:.9e}"), without_trailing_zeros)
}

fn without_trailing_zeros(text: String) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A concept by the code of a scheme (PS3.3, 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    value: &'static str,
    scheme: &'static str,
    meaning: &'static str,
}

impl Code {
    pub(super) const fn dcm(value: &'static str, meaning: &'static str) -> Self {
        Self {
            value,
            scheme: "DCM",
            meaning,
        }
    }

    pub(super) const fn sct(value: &'static str, meaning: &'static str) -> Self {
        Self {
            value,
            scheme: "SCT",
            meaning,
        }
    }

    pub(super) const fn of(
        scheme: &'static str,
        value: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self {
            value,
            scheme,
            meaning,
        }
    }

    pub(super) fn item(self) -> Attributes {
        Attributes::new()
            .text(tags::CODE_VALUE, self.value)
            .text(tags::CODING_SCHEME_DESIGNATOR, self.scheme)
            .text(tags::CODE_MEANING, self.meaning)
    }
}
