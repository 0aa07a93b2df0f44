//! Decides what is written about a film into DICOM objects: a segmentation, a picture of it, a report of the lungs' areas.
//!
//! Each belongs to the film's patient and study, in a series of its own. Of the film's object it repeats what the standard has it
//! repeat, byte for byte and in the film's character set, and nothing else; everything of its own is ASCII.

mod attributes;
mod capture;
mod content;
mod naming;
mod origin;
mod report;
mod segmentation;

use std::sync::Arc;
use std::time::SystemTime;

use dicom_core::chrono::{DateTime, FixedOffset, Utc};
use dicom_core::header::HasLength;
use dicom_dictionary_std::{tags, uids};
use dicom_object::FileMetaTableBuilder;

use self::attributes::{Attributes, Code};
use self::naming::Namer;
pub use self::naming::Naming;
pub use self::origin::Origin;
use lungfield_radiograph::lungs::{Lungs, Side};
use lungfield_radiograph::mask::{Mask, Threshold};
use lungfield_radiograph::radiograph::PixelSpacing;

/// Who segmented a film, as objects about it tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The hash of its weights, in hexadecimal digits.
    pub weights_sha256: String,
}

/// What is known of a film.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// The mask, of the film's size.
    pub mask: &'a Mask,
    /// Its lungs.
    pub lungs: &'a Lungs,
    /// The film's pixel spacing.
    pub spacing: Option<PixelSpacing>,
    /// The probability that was cut at.
    pub threshold: Threshold,
}

/// What object is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which one.
    pub kind: Kind,
    /// How its UIDs are chosen.
    pub naming: Naming,
    /// Who segmented the film.
    pub algorithm: Arc<Algorithm>,
    /// What time it is.
    pub now: SystemTime,
}

/// Which object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A segmentation of one bit for each pixel of each lung.
    Binary,
    /// A segmentation of a probability for each pixel of each lung, in 255ths.
    Fractional,
    /// A picture of the film with its mask, for viewers that don't show segmentations.
    Capture,
    /// A report of the lungs' areas (TID 1500).
    Report,
}

/// What else an object is made of.
#[derive(Debug)]
pub enum Planes<'a> {
    /// Nothing.
    None,
    /// The probability of lung at each pixel of the film, in 255ths, row by row.
    Probabilities(&'a [u8]),
    /// Red, green and blue of each pixel of the picture, row by row.
    Colours(Vec<u8>),
}

/// Why no object was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A segmentation without a segment is none: ask for JSON, which says that there is no lung.
    #[error("no lung was found, and a segmentation object needs one")]
    NoLung,
    /// The planes are not those of the kind, or not of the film's size: a defect.
    #[error("the object could not be put together")]
    Defect,
}

/// Writes an object about the film that came as `origin`, as a file in Explicit VR Little Endian.
pub fn write(
    origin: &Origin,
    findings: &Findings<'_>,
    planes: Planes<'_>,
    wanted: &Wanted,
) -> Result<Vec<u8>, WriteError> {
    let namer = Namer::new(wanted, origin, findings.threshold);
    let draft = Draft {
        origin,
        findings,
        algorithm: &wanted.algorithm,
        namer,
        now: origin.local(wanted.now),
    };
    let (class, attributes) = match (wanted.kind, planes) {
        (Kind::Binary, Planes::None) => (uids::SEGMENTATION_STORAGE, segmentation::binary(&draft)?),
        (Kind::Fractional, Planes::Probabilities(probabilities)) => (
            uids::SEGMENTATION_STORAGE,
            segmentation::fractional(&draft, probabilities)?,
        ),
        (Kind::Capture, Planes::Colours(colours)) => (
            uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
            capture::capture(&draft, colours),
        ),
        (Kind::Report, Planes::None) => (uids::COMPREHENSIVE_SR_STORAGE, report::report(&draft)),
        _ => return Err(WriteError::Defect),
    };
    finish(&draft, class, attributes).map_err(|_| WriteError::Defect)
}

/// An object while it is written.
#[derive(Debug)]
struct Draft<'a> {
    origin: &'a Origin,
    findings: &'a Findings<'a>,
    algorithm: &'a Algorithm,
    namer: Namer,
    now: DateTime<FixedOffset>,
}

/// What an object takes beside its pixels, unless its patient has names of kilobytes.
const HEADER_BYTES: usize = 64 << 10;
const MANUFACTURER: &str = "Lungfield";
const SOFTWARE: &str = env!("CARGO_PKG_VERSION");
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

    /// The modules that every object has: patient, study, series, equipment and SOP common (PS3.3, C.7.1 to C.7.5 and C.12.1).
    fn base(&self, modality: &str, series: u16) -> Attributes {
        let equipment = |attributes: Attributes| {
            attributes
                .text(tags::MANUFACTURER, MANUFACTURER)
                .text(tags::MANUFACTURER_MODEL_NAME, &self.algorithm.name)
                .text(tags::DEVICE_SERIAL_NUMBER, &self.algorithm.weights_sha256)
                .text(
                    tags::SOFTWARE_VERSIONS,
                    &format!("{SOFTWARE}\\{}", self.algorithm.version),
                )
        };
        let contributing = equipment(Attributes::new())
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
        let base = equipment(self.origin.repeat(Attributes::new()))
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

    /// The size of the film, in pixels.
    fn grid(&self, attributes: Attributes) -> Attributes {
        let size = self.findings.mask.size();
        let side =
            |side: u32| u16::try_from(side).expect("the sides of a DICOM image have 16 bits");
        attributes
            .short(tags::ROWS, side(size.height()))
            .short(tags::COLUMNS, side(size.width()))
    }

    /// What the numbers of the model are, in words.
    fn parameters(&self) -> String {
        let (threshold, hash) = (
            self.findings.threshold.get(),
            &self.algorithm.weights_sha256,
        );
        format!("threshold={threshold} weights_sha256={hash}")
    }
}

const LUNG: Code = Code::sct("39607008", "Lung");

/// The name of a lung and its side as a code.
fn named(side: Side) -> (&'static str, Code) {
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
    // In one piece: a list that doubles as it grows would hold a large picture three times.
    let mut file = Vec::with_capacity(pixels as usize + HEADER_BYTES);
    object.write_all(&mut file)?;
    Ok(file)
}

/// The time of a film's clock.
fn local(now: SystemTime, offset: Option<FixedOffset>) -> DateTime<FixedOffset> {
    let now = DateTime::<Utc>::from(now);
    now.with_timezone(
        &offset.unwrap_or_else(|| FixedOffset::east_opt(0).expect("no offset is one")),
    )
}
