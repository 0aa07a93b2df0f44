//! Writes items of a structured report (PS3.3, C.17.3).

use dicom_dictionary_std::tags;

use super::attributes::{Attributes, Code, decimal};

/// The relationship of an item to the one that contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Contains,
    HasContext,
    HasModifier,
}

impl Relation {
    fn term(self) -> &'static str {
        match self {
            Self::Contains => "CONTAINS",
            Self::HasContext => "HAS OBS CONTEXT",
            Self::HasModifier => "HAS CONCEPT MOD",
        }
    }
}

/// A builder of items with one relationship and concept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item(pub(super) Relation, pub(super) Code);

impl Item {
    fn of(self, kind: &str) -> Attributes {
        let item = Attributes::new()
            .text(tags::RELATIONSHIP_TYPE, self.0.term())
            .text(tags::VALUE_TYPE, kind);
        item.code(tags::CONCEPT_NAME_CODE_SEQUENCE, self.1)
    }

    pub(super) fn code(self, code: Code) -> Attributes {
        self.of("CODE").code(tags::CONCEPT_CODE_SEQUENCE, code)
    }

    pub(super) fn text(self, text: &str) -> Attributes {
        self.of("TEXT").text(tags::TEXT_VALUE, text)
    }

    pub(super) fn uid(self, uid: &str) -> Attributes {
        self.of("UIDREF").text(tags::UID, uid)
    }

    pub(super) fn number(self, value: f64, unit: Code) -> Attributes {
        let measured = Attributes::new()
            .text(tags::NUMERIC_VALUE, &decimal(value))
            .code(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, unit);
        self.of("NUM").item(tags::MEASURED_VALUE_SEQUENCE, measured)
    }

    pub(super) fn image(self, reference: Attributes) -> Attributes {
        self.of("IMAGE")
            .item(tags::REFERENCED_SOP_SEQUENCE, reference)
    }

    pub(super) fn container(
        self,
        template: Option<&str>,
        items: impl IntoIterator<Item = Attributes>,
    ) -> Attributes {
        container(self.of("CONTAINER"), template, items)
    }
}

/// Writes a container, of a template of the standard where one is named.
pub(super) fn container(
    item: Attributes,
    template: Option<&str>,
    items: impl IntoIterator<Item = Attributes>,
) -> Attributes {
    item.text(tags::CONTINUITY_OF_CONTENT, "SEPARATE")
        .with(template, |item, template| {
            let by = Attributes::new()
                .text(tags::MAPPING_RESOURCE, "DCMR")
                .text(tags::TEMPLATE_IDENTIFIER, template);
            item.item(tags::CONTENT_TEMPLATE_SEQUENCE, by)
        })
        .items(tags::CONTENT_SEQUENCE, items)
}
