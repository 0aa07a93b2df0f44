//! DICOM films of a fictional patient for the tests, and a reader for the DICOM objects of responses.

use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, Tag, VR, dicom_value};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_object::{DefaultDicomObject, FileMetaTableBuilder, InMemDicomObject};

use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

/// The UIDs of the study and series of the films.
pub(crate) const STUDY: &str = "2.25.1001";
pub(crate) const SERIES: &str = "2.25.1002";

/// A film that is being built.
#[derive(Clone)]
pub(crate) struct Object(InMemDicomObject);

impl Object {
    /// Creates a digital radiograph of these 8-bit samples, in which 255 is white.
    pub(crate) fn of(samples: &[u8], width: u16, height: u16) -> Self {
        let object = InMemDicomObject::from_element_iter([
            DataElement::new(tags::ROWS, VR::US, dicom_value!(U16, height)),
            DataElement::new(tags::COLUMNS, VR::US, dicom_value!(U16, width)),
            DataElement::new(tags::SAMPLES_PER_PIXEL, VR::US, dicom_value!(U16, 1)),
            DataElement::new(tags::BITS_ALLOCATED, VR::US, dicom_value!(U16, 8)),
            DataElement::new(tags::BITS_STORED, VR::US, dicom_value!(U16, 8)),
            DataElement::new(tags::HIGH_BIT, VR::US, dicom_value!(U16, 7)),
            DataElement::new(tags::PIXEL_REPRESENTATION, VR::US, dicom_value!(U16, 0)),
            DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(samples.into())),
        ]);
        Self(object)
            .with(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
            .with(
                tags::SOP_CLASS_UID,
                uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
            )
            .with(tags::SOP_INSTANCE_UID, "2.25.1003")
            .with(tags::STUDY_INSTANCE_UID, STUDY)
            .with(tags::SERIES_INSTANCE_UID, SERIES)
            .with(tags::MODALITY, "DX")
            .with(tags::PATIENT_NAME, "Phantom^Chest")
            .with(tags::PATIENT_ID, "P-1")
            .with(tags::STUDY_DATE, "20260102")
    }

    /// Creates the film of a mask, white where there is lung.
    pub(crate) fn showing(mask: &Mask) -> Self {
        let samples: Vec<u8> = mask
            .pixels()
            .map(|lung| if lung { 255 } else { 0 })
            .collect();
        let [width, height] =
            [mask.size().width(), mask.size().height()].map(|side| side.try_into().unwrap());
        Self::of(&samples, width, height)
    }

    /// Inverts the film: MONOCHROME1, in which 0 is white.
    pub(crate) fn inverted(mut self) -> Self {
        let samples = self
            .0
            .take(tags::PIXEL_DATA)
            .unwrap()
            .to_bytes()
            .unwrap()
            .iter()
            .map(|sample| 255 - sample)
            .collect();
        self.0.put(DataElement::new(
            tags::PIXEL_DATA,
            VR::OB,
            PrimitiveValue::U8(samples),
        ));
        self.with(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME1")
    }

    /// Sets an attribute.
    pub(crate) fn with(mut self, tag: Tag, value: &str) -> Self {
        use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
        let vr = StandardDataDictionary.by_tag(tag).unwrap().vr().relaxed();
        self.0
            .put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        self
    }

    pub(crate) fn without(mut self, tag: Tag) -> Self {
        self.0.remove_element(tag);
        self
    }

    /// Encodes the film as a file.
    pub(crate) fn file(self) -> Vec<u8> {
        let text = |tag| {
            self.0.get(tag).map_or("2.25.1".to_owned(), |element| {
                element.to_str().unwrap().into_owned()
            })
        };
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(text(tags::SOP_CLASS_UID))
            .media_storage_sop_instance_uid(text(tags::SOP_INSTANCE_UID));
        let mut file = Vec::new();
        self.0
            .with_exact_meta(meta.build().unwrap())
            .write_all(&mut file)
            .unwrap();
        file
    }
}

/// A DICOM object of a response.
pub(crate) struct Read(DefaultDicomObject);

impl Read {
    pub(crate) fn of(file: &[u8]) -> Self {
        Self(dicom_object::from_reader(file).unwrap())
    }

    pub(crate) fn text(&self, tag: Tag) -> String {
        self.0
            .element(tag)
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches('\0')
            .to_owned()
    }

    pub(crate) fn has(&self, tag: Tag) -> bool {
        self.0.get(tag).is_some()
    }

    pub(crate) fn bytes(&self, tag: Tag) -> Vec<u8> {
        self.0
            .element(tag)
            .unwrap()
            .to_bytes()
            .unwrap()
            .into_owned()
    }

    /// Returns the items of a sequence.
    pub(crate) fn items(&self, tag: Tag) -> &[InMemDicomObject] {
        self.0.element(tag).unwrap().items().unwrap()
    }

    /// Returns the labels of the segments.
    pub(crate) fn labels(&self) -> Vec<String> {
        let segments = self.items(tags::SEGMENT_SEQUENCE).iter();
        segments
            .map(|segment| {
                segment
                    .element(tags::SEGMENT_LABEL)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .into_owned()
            })
            .collect()
    }

    /// Returns the mask of a binary frame.
    pub(crate) fn frame(&self, frame: usize) -> Mask {
        let size = Size::new(self.number(tags::COLUMNS), self.number(tags::ROWS)).unwrap();
        let (bytes, start) = (self.bytes(tags::PIXEL_DATA), frame * size.pixels());
        Mask::new(
            size,
            (start..start + size.pixels()).map(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 1),
        )
        .unwrap()
    }

    pub(crate) fn number(&self, tag: Tag) -> u32 {
        self.0.element(tag).unwrap().to_int().unwrap()
    }
}
