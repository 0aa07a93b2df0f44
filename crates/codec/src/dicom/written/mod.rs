//! Writes DICOM objects about a film: a segmentation, a secondary capture, a structured report of the lungs' areas.
//!
//! Each object belongs to the film's patient and study, in a series of its own. It repeats those attributes of the film's object that
//! the standard requires, byte for byte and in the film's character set, and no others. All other text in it is ASCII.

mod attributes;
mod capture;
mod content;
mod naming;
mod origin;
mod report;
mod segmentation;

use std::time::SystemTime;

use dicom_core::chrono::{DateTime, FixedOffset, Utc};
use dicom_core::header::HasLength;
use dicom_dictionary_std::{tags, uids};
use dicom_object::FileMetaTableBuilder;
use serde::Deserialize;

use self::attributes::{Attributes, Code};
use self::naming::Namer;
pub use self::naming::UidPolicy;
pub use self::origin::Origin;
use crate::ModelIdentity;
use lungfield_radiograph::lungs::{Lungs, Side};
use lungfield_radiograph::mask::{Mask, Threshold};
use lungfield_radiograph::radiograph::PixelSpacing;

/// The media type of DICOM files.
pub const MEDIA_TYPE: &str = "application/dicom";

/// The segmentation that an object is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The mask, of the film's size.
    pub mask: &'a Mask,
    /// The lungs of the mask.
    pub lungs: &'a Lungs,
    /// The film's pixel spacing.
    pub spacing: Option<PixelSpacing>,
    /// The probability from which on a pixel is lung.
    pub threshold: Threshold,
}

/// Who writes an object, when, and how its UIDs are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The model that segmented the film.
    pub model: ModelIdentity,
    /// The version of the software that runs the model.
    pub software_version: String,
    /// How the object's UIDs are chosen.
    pub uids: UidPolicy,
    /// The time at which the object is written.
    pub now: SystemTime,
}

/// An object to write about a film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRequest {
    /// Which object.
    pub kind: ObjectKind,
    /// What it says of its origin.
    pub provenance: Provenance,
}

/// A kind of object that can be written about a film.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A segmentation of the lungs.
    Segmentation(SegmentationType),
    /// The film with its mask, for viewers that don't show segmentations.
    SecondaryCapture,
    /// A structured report of the lungs' areas (TID 1500).
    StructuredReport,
}

/// What the pixels of a segmentation are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SegmentationType {
    /// One bit for each pixel of each lung.
    #[default]
    Binary,
    /// A probability for each pixel of each lung, in 255ths.
    Fractional,
}

impl ObjectKind {
    /// Returns the word by which derived UIDs tell objects of different kinds apart. It never changes.
    fn uid_part(self) -> &'static str {
        match self {
            Self::Segmentation(SegmentationType::Binary) => "Binary",
            Self::Segmentation(SegmentationType::Fractional) => "Fractional",
            Self::SecondaryCapture => "Capture",
            Self::StructuredReport => "Report",
        }
    }
}

/// The content of an object, by its kind.
#[derive(Debug)]
pub enum ObjectContent {
    /// A binary segmentation, which is made from the mask alone.
    Binary,
    /// A fractional segmentation of these probabilities of lung, in 255ths, one for each pixel of the film, row by row.
    Fractional(Vec<u8>),
    /// A secondary capture of these samples: red, green and blue of each pixel, row by row.
    SecondaryCapture(Vec<u8>),
    /// A structured report, which is made from the lungs alone.
    StructuredReport,
}

impl ObjectContent {
    /// Returns the kind of object that this is the content of.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::Binary => ObjectKind::Segmentation(SegmentationType::Binary),
            Self::Fractional(_) => ObjectKind::Segmentation(SegmentationType::Fractional),
            Self::SecondaryCapture(_) => ObjectKind::SecondaryCapture,
            Self::StructuredReport => ObjectKind::StructuredReport,
        }
    }
}

/// Why no object was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A segmentation object needs at least one segment, and the mask has no lung: ask for JSON, which says so.
    #[error("no lung was found, and a segmentation object needs one")]
    NoLung,
    /// The content does not have the film's size, or the object can't be encoded: a defect.
    #[error("the object could not be put together")]
    Defect,
}

/// Writes an object about the film that came as `origin`, as a file in Explicit VR Little Endian.
///
/// Fails with [`WriteError::NoLung`] where a segmentation of a mask without lung is asked for.
///
/// ```
/// use std::time::SystemTime;
///
/// use lungfield_codec::dicom::{ObjectContent, Origin, Provenance, Subject, UidPolicy, write};
/// use lungfield_codec::reference::decode_reference;
/// use lungfield_codec::{Limits, ModelIdentity, decode};
/// use lungfield_radiograph::lungs::Lungs;
/// use lungfield_radiograph::mask::{Mask, Threshold};
///
/// let file = std::fs::read("tests/fixtures/dicom/explicit_le.dcm")?;
/// let film = decode(&file, &Limits::default())?;
///
/// // One lung, as large as the upper third of the film.
/// let size = film.size();
/// let mask = Mask::new(size, (0..size.pixels()).map(|pixel| pixel < size.pixels() / 3)).unwrap();
/// let subject = Subject {
///     mask: &mask,
///     lungs: &Lungs::of(&mask),
///     spacing: film.spacing(),
///     threshold: Threshold::HALF,
/// };
/// let provenance = Provenance {
///     model: ModelIdentity {
///         name: "by-hand".to_owned(),
///         version: "1".to_owned(),
///         weights_sha256: "0".repeat(64),
///     },
///     software_version: "1.2.0".to_owned(),
///     uids: UidPolicy::Derived,
///     now: SystemTime::now(),
/// };
/// let origin = Origin::read(&file, Limits::default())?;
/// let segmentation = write(&origin, &subject, ObjectContent::Binary, &provenance)?;
///
/// assert_eq!(decode_reference(&segmentation, size, &Limits::default())?, mask);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(
    origin: &Origin,
    subject: &Subject<'_>,
    content: ObjectContent,
    provenance: &Provenance,
) -> Result<Vec<u8>, WriteError> {
    let draft = Draft {
        origin,
        subject,
        provenance,
        namer: Namer::new(provenance, origin, subject.threshold, content.kind()),
        now: origin.local(provenance.now),
    };
    let (class, attributes) = match content {
        ObjectContent::Binary => (uids::SEGMENTATION_STORAGE, segmentation::binary(&draft)?),
        ObjectContent::Fractional(probabilities) => (
            uids::SEGMENTATION_STORAGE,
            segmentation::fractional(&draft, &probabilities)?,
        ),
        ObjectContent::SecondaryCapture(colours) => (
            uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
            capture::capture(&draft, colours)?,
        ),
        ObjectContent::StructuredReport => (uids::COMPREHENSIVE_SR_STORAGE, report::report(&draft)),
    };
    finish(&draft, class, attributes).map_err(|_| WriteError::Defect)
}

/// An object while it is written.
#[derive(Debug)]
struct Draft<'a> {
    origin: &'a Origin,
    subject: &'a Subject<'a>,
    provenance: &'a Provenance,
    namer: Namer,
    now: DateTime<FixedOffset>,
}

/// The bytes that an object usually takes beside its pixels.
const HEADER_BYTES: usize = 64 << 10;
const MANUFACTURER: &str = "Lungfield";
/// Of at most 16 characters.
const IMPLEMENTATION: &str = "LUNGFIELD";
/// Of this implementation, as the standard has every one name itself (PS3.7, D.3.3.2). Drawn once.
const IMPLEMENTATION_UID: &str = "2.25.273604093786270921536826207386113206934";

impl Draft<'_> {
    fn date(&self) -> String {
        self.now.format("%Y%m%d").to_string()
    }

    fn time(&self) -> String {
        self.now.format("%H%M%S").to_string()
    }

    /// Starts an object with the modules that every object has: patient, study, series, equipment and SOP common (PS3.3, C.7.1 to C.7.5 and C.12.1).
    fn base(&self, modality: &str, series: u16) -> Attributes {
        let contributing = self
            .equipment(Attributes::new())
            .code(
                tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
                Code::dcm("109102", "Processing Equipment"),
            )
            .text(
                tags::CONTRIBUTION_DATE_TIME,
                &format!("{}{}", self.date(), self.time()),
            )
            .text(
                tags::CONTRIBUTION_DESCRIPTION,
                "Segmentation of the lung fields",
            );
        let base = self
            .equipment(self.origin.repeat(Attributes::new()))
            .text(tags::MODALITY, modality)
            .text(tags::SERIES_INSTANCE_UID, &self.namer.uid("series"))
            .text(tags::SERIES_NUMBER, &series.to_string())
            .text(tags::SERIES_DATE, &self.date())
            .text(tags::SERIES_TIME, &self.time())
            .text(tags::SERIES_DESCRIPTION, "Lung fields")
            .text(tags::SOP_INSTANCE_UID, &self.namer.uid("instance"))
            .text(tags::INSTANCE_NUMBER, "1")
            .text(tags::INSTANCE_CREATION_DATE, &self.date())
            .text(tags::INSTANCE_CREATION_TIME, &self.time())
            .text(tags::CONTENT_DATE, &self.date())
            .text(tags::CONTENT_TIME, &self.time());
        base.item(tags::CONTRIBUTING_EQUIPMENT_SEQUENCE, contributing)
    }

    /// Adds which model and software made the object (PS3.3, C.7.5.1).
    fn equipment(&self, attributes: Attributes) -> Attributes {
        let Provenance {
            model,
            software_version,
            ..
        } = self.provenance;
        let versions = format!("{software_version}\\{}", model.version);
        attributes
            .text(tags::MANUFACTURER, MANUFACTURER)
            .text(tags::MANUFACTURER_MODEL_NAME, &model.name)
            .text(tags::DEVICE_SERIAL_NUMBER, &model.weights_sha256)
            .text(tags::SOFTWARE_VERSIONS, &versions)
    }

    /// Adds the size of the film, in pixels.
    fn grid(&self, attributes: Attributes) -> Attributes {
        let size = self.subject.mask.size();
        let side =
            |side: u32| u16::try_from(side).expect("the sides of a DICOM image have 16 bits");
        attributes
            .short(tags::ROWS, side(size.height()))
            .short(tags::COLUMNS, side(size.width()))
    }

    /// Returns threshold and weights as text.
    fn parameters(&self) -> String {
        let (threshold, hash) = (
            self.subject.threshold.get(),
            &self.provenance.model.weights_sha256,
        );
        format!("threshold={threshold} weights_sha256={hash}")
    }
}

const LUNG: Code = Code::sct("39607008", "Lung");

/// Returns the name of a lung, and its side as a code.
fn lung_label(side: Side) -> (&'static str, Code) {
    match side {
        Side::Right => ("Right lung", Code::sct("24028007", "Right")),
        Side::Left => ("Left lung", Code::sct("7771000", "Left")),
    }
}

fn finish(
    draft: &Draft<'_>,
    class: &'static str,
    attributes: Attributes,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(class)
        .media_storage_sop_instance_uid(draft.namer.uid("instance"))
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .implementation_class_uid(IMPLEMENTATION_UID)
        .implementation_version_name(IMPLEMENTATION)
        .build()?;
    let object = attributes
        .text(tags::SOP_CLASS_UID, class)
        .finish()
        .with_exact_meta(meta);
    let pixels = object
        .get(tags::PIXEL_DATA)
        .and_then(|pixels| pixels.length().get())
        .unwrap_or(0);
    // Allocated once: a vector that doubles as it grows would hold a large image three times.
    let mut file = Vec::with_capacity(pixels as usize + HEADER_BYTES);
    object.write_all(&mut file)?;
    Ok(file)
}

/// Converts a time to a time zone, or to UTC where the zone is unknown.
fn local(now: SystemTime, offset: Option<FixedOffset>) -> DateTime<FixedOffset> {
    let now = DateTime::<Utc>::from(now);
    now.with_timezone(
        &offset.unwrap_or_else(|| FixedOffset::east_opt(0).expect("no offset is one")),
    )
}
