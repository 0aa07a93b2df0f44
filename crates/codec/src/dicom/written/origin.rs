//! Reads those attributes of a film's object that objects about the film repeat.

use std::time::SystemTime;

use dicom_core::chrono::{DateTime, FixedOffset};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use super::attributes::{Attributes, Code};
use crate::dicom::element::known_vr;
use crate::dicom::file::File;
use crate::dicom::guard::guarded;
use crate::dicom::scan;
use crate::{DecodeError, Limits, undecodable};

/// Attributes of patient and study that every object of a study has, even if empty (PS3.3, C.7.1.1 and C.7.2.1), and the character
/// set that their text is in.
const REPEATED: [Tag; 11] = [
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::STUDY_ID,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::SPECIFIC_CHARACTER_SET,
];
/// Attributes that are repeated only where the film's object has them.
const REPEATED_IF_THERE: [Tag; 1] = [tags::TIMEZONE_OFFSET_FROM_UTC];
/// Ratio and method of lossy compression; repeated where the film was compressed so (PS3.3, C.7.6.1.1.5).
const LOSS: [Tag; 2] = [
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
];

/// The header of the DICOM object that a film arrived as, without its pixels.
#[derive(Debug)]
pub struct Origin {
    values: Vec<(Tag, Vec<u8>)>,
    class: String,
    instance: String,
    series: String,
    study: String,
}

impl Origin {
    /// Reads the header from a file's bytes. Patient attributes may be missing; the UIDs of class, instance, series and study may not,
    /// since nothing could refer to the film.
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, DecodeError> {
        guarded(|| {
            let file = File::read(bytes, limits)?;
            let values = scan::scan(&file.data, file.encoding)?.origin;
            let uid = |tag| {
                let value = values
                    .iter()
                    .find(|(of, _)| *of == tag)
                    .and_then(|(_, value)| text(value));
                value.ok_or_else(|| {
                    undecodable("the object lacks the UID of its class, instance, series or study")
                })
            };
            Ok(Self {
                class: uid(tags::SOP_CLASS_UID)?,
                instance: uid(tags::SOP_INSTANCE_UID)?,
                series: uid(tags::SERIES_INSTANCE_UID)?,
                study: uid(tags::STUDY_INSTANCE_UID)?,
                values: values
                    .iter()
                    .map(|&(tag, value)| (tag, value.to_vec()))
                    .collect(),
            })
        })
    }

    pub(super) fn instance(&self) -> &str {
        &self.instance
    }

    pub(super) fn series(&self) -> &str {
        &self.series
    }

    pub(super) fn study(&self) -> &str {
        &self.study
    }

    /// Converts a time to the time zone of the film's object, or to UTC where it states none.
    pub(super) fn local(&self, now: SystemTime) -> DateTime<FixedOffset> {
        let offset = self.value(tags::TIMEZONE_OFFSET_FROM_UTC).and_then(text);
        super::local(now, offset.and_then(|offset| offset.parse().ok()))
    }

    fn value(&self, tag: Tag) -> Option<&[u8]> {
        self.values
            .iter()
            .find(|(of, _)| *of == tag)
            .map(|(_, value)| value.as_slice())
    }

    /// Adds the patient and the study.
    pub(super) fn repeat(&self, attributes: Attributes) -> Attributes {
        let there = REPEATED_IF_THERE
            .into_iter()
            .filter(|&tag| self.value(tag).is_some());
        // An empty character set is no character set.
        let repeated = REPEATED
            .into_iter()
            .filter(|&tag| tag != tags::SPECIFIC_CHARACTER_SET || self.value(tag).is_some());
        repeated
            .chain(there)
            .fold(attributes, |attributes, tag| self.copy(attributes, tag))
    }

    fn copy(&self, attributes: Attributes, tag: Tag) -> Attributes {
        let mut value = self.value(tag).unwrap_or_default().to_vec();
        if value.len() % 2 == 1 {
            value.push(if known_vr(tag) == VR::UI { 0 } else { b' ' });
        }
        attributes.bytes(tag, known_vr(tag), value)
    }

    /// Adds whether the film was compressed with loss.
    pub(super) fn loss(&self, attributes: Attributes) -> Attributes {
        let lossy = self
            .value(tags::LOSSY_IMAGE_COMPRESSION)
            .and_then(text)
            .is_some_and(|lossy| lossy == "01");
        let attributes = attributes.text(
            tags::LOSSY_IMAGE_COMPRESSION,
            if lossy { "01" } else { "00" },
        );
        let there = LOSS
            .into_iter()
            .filter(|&tag| lossy && self.value(tag).is_some());
        there.fold(attributes, |attributes, tag| self.copy(attributes, tag))
    }

    /// Refers to the film as the source of an image.
    pub(super) fn source(&self) -> Attributes {
        self.reference().code(
            tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
            Code::dcm("121322", "Source image for image processing operation"),
        )
    }

    /// Refers to the film by class and instance.
    pub(super) fn reference(&self) -> Attributes {
        Attributes::new()
            .text(tags::REFERENCED_SOP_CLASS_UID, &self.class)
            .text(tags::REFERENCED_SOP_INSTANCE_UID, &self.instance)
    }
}

/// Returns ASCII text without its padding; `None` where it is empty or not ASCII.
fn text(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_matches(['\0', ' ']);
    (!text.is_empty() && text.is_ascii()).then(|| text.to_owned())
}
