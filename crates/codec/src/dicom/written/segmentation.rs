//! Writes lungs as a segmentation object: a segment and a frame for each lung.
//!
//! The object is that of PS3.3, A.51. It has no frame of reference, as a radiograph has none: its frames lie on the film's pixels, and
//! say so by their source.

use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::attributes::{Attributes, Code};
use super::{Draft, LUNG, WriteError, lung_label};
use crate::dicom::frames;
use lungfield_radiograph::lungs::{Lung, territories};
use lungfield_radiograph::mask::Mask;

/// The number of the series; a study's own series count from 1.
const SERIES: u16 = 9_001;

/// Writes one bit for each pixel of each lung.
pub(super) fn binary(draft: &Draft<'_>) -> Result<Attributes, WriteError> {
    let masks: Vec<Mask> = draft
        .subject
        .lungs
        .iter()
        .map(|lung| draft.subject.lungs.lung_mask(lung.side()))
        .collect();
    let base = object(draft)?
        .text(tags::SEGMENTATION_TYPE, "BINARY")
        .short(tags::BITS_ALLOCATED, 1)
        .short(tags::BITS_STORED, 1)
        .short(tags::HIGH_BIT, 0);
    Ok(base.bytes(tags::PIXEL_DATA, VR::OB, frames::pack(&masks)))
}

/// Writes a probability for each pixel of each lung. Where a mask has both lungs, the probability of a pixel belongs to the nearer one.
pub(super) fn fractional(
    draft: &Draft<'_>,
    probabilities: &[u8],
) -> Result<Attributes, WriteError> {
    let lungs = draft.subject.lungs;
    let columns = lungs.film().columns();
    if probabilities.len() != lungs.film().pixels() {
        return Err(WriteError::Defect);
    }
    let mut frames = vec![0; probabilities.len() * lungs.iter().len()];
    for (frame, territory) in frames
        .chunks_exact_mut(probabilities.len())
        .zip(territories(lungs))
    {
        for (row, runs) in territory.rows().enumerate() {
            for run in runs.runs() {
                let pixels = row * columns + run.start..row * columns + run.end;
                frame[pixels.clone()].copy_from_slice(&probabilities[pixels]);
            }
        }
    }
    if frames.len() % 2 == 1 {
        frames.push(0);
    }
    let base = object(draft)?
        .text(tags::SEGMENTATION_TYPE, "FRACTIONAL")
        .text(tags::SEGMENTATION_FRACTIONAL_TYPE, "PROBABILITY")
        .short(tags::MAXIMUM_FRACTIONAL_VALUE, 255)
        .short(tags::BITS_ALLOCATED, 8)
        .short(tags::BITS_STORED, 8)
        .short(tags::HIGH_BIT, 7);
    Ok(base.bytes(tags::PIXEL_DATA, VR::OB, frames))
}

/// Writes everything but the pixels and their type.
fn object(draft: &Draft<'_>) -> Result<Attributes, WriteError> {
    let lungs: Vec<&Lung> = draft.subject.lungs.iter().collect();
    if lungs.is_empty() {
        return Err(WriteError::NoLung);
    }
    let image = draft
        .grid(draft.base("SEG", SERIES))
        .text(tags::IMAGE_TYPE, "DERIVED\\PRIMARY")
        .text(tags::CONTENT_LABEL, "LUNG_FIELDS")
        .text(
            tags::CONTENT_DESCRIPTION,
            "Right and left lung of a frontal chest radiograph",
        )
        .text(tags::CONTENT_CREATOR_NAME, "")
        .text(tags::SEGMENTS_OVERLAP, "NO")
        .text(tags::PATIENT_ORIENTATION, "")
        .short(tags::SAMPLES_PER_PIXEL, 1)
        .text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
        .short(tags::PIXEL_REPRESENTATION, 0)
        .text(tags::NUMBER_OF_FRAMES, &lungs.len().to_string());
    let segments = (1..)
        .zip(&lungs)
        .map(|(number, lung)| segment(draft, number, lung));
    let image = draft
        .origin
        .loss(image)
        .items(tags::SEGMENT_SEQUENCE, segments);
    Ok(references(
        draft,
        dimensions(draft, groups(draft, image, lungs.len())),
    ))
}

fn segment(draft: &Draft<'_>, number: u16, lung: &Lung) -> Attributes {
    let (label, side) = lung_label(lung.side());
    let model = &draft.provenance.model;
    let identification = Attributes::new()
        .code(
            tags::ALGORITHM_FAMILY_CODE_SEQUENCE,
            Code::dcm("123110", "Artificial Intelligence"),
        )
        .text(tags::ALGORITHM_NAME, &model.name)
        .text(tags::ALGORITHM_VERSION, &model.version)
        .text(tags::ALGORITHM_PARAMETERS, &draft.parameters())
        .text(tags::ALGORITHM_SOURCE, super::MANUFACTURER);
    let kind = LUNG
        .item()
        .code(tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE, side);
    Attributes::new()
        .short(tags::SEGMENT_NUMBER, number)
        .text(tags::SEGMENT_LABEL, label)
        .text(tags::SEGMENT_ALGORITHM_TYPE, "AUTOMATIC")
        .text(tags::SEGMENT_ALGORITHM_NAME, &model.name)
        .item(
            tags::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE,
            identification,
        )
        .code(
            tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE,
            Code::sct("91723000", "Anatomical Structure"),
        )
        .item(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, kind)
        .shorts(
            tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE,
            &display_colour(number),
        )
        .text(tags::TRACKING_ID, label)
        .text(tags::TRACKING_UID, &draft.namer.uid(label))
}

/// Returns a red and a blue, in `CIELab` as the standard scales it (PS3.3, C.10.7.1.1).
fn display_colour(number: u16) -> [u16; 3] {
    if number == 1 {
        [34_895, 53_485, 50_171]
    } else {
        [35_000, 38_000, 18_000]
    }
}

/// Adds the functional groups of the frames (PS3.3, C.7.6.16). None is shared: pixel measures need a frame of reference (A.51.5).
fn groups(draft: &Draft<'_>, image: Attributes, frames: usize) -> Attributes {
    let source = draft
        .origin
        .source()
        .text(tags::SPATIAL_LOCATIONS_PRESERVED, "YES");
    let derivation = Attributes::new()
        .code(
            tags::DERIVATION_CODE_SEQUENCE,
            Code::dcm("113076", "Segmentation"),
        )
        .item(tags::SOURCE_IMAGE_SEQUENCE, source);
    let frame = |number: u16| {
        let content = Attributes::new().longs(tags::DIMENSION_INDEX_VALUES, &[number.into()]);
        let segment = Attributes::new().short(tags::REFERENCED_SEGMENT_NUMBER, number);
        Attributes::new()
            .item(tags::FRAME_CONTENT_SEQUENCE, content)
            .item(tags::SEGMENT_IDENTIFICATION_SEQUENCE, segment)
            .item(tags::DERIVATION_IMAGE_SEQUENCE, derivation.clone())
    };
    image
        .item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, Attributes::new())
        .items(
            tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
            (1..).take(frames).map(frame),
        )
}

/// Adds the dimension that tells the frames apart: their segment (PS3.3, C.7.6.17).
fn dimensions(draft: &Draft<'_>, image: Attributes) -> Attributes {
    let organisation = draft.namer.uid("dimensions");
    let index = Attributes::new()
        .text(tags::DIMENSION_ORGANIZATION_UID, &organisation)
        .tag(
            tags::DIMENSION_INDEX_POINTER,
            tags::REFERENCED_SEGMENT_NUMBER,
        )
        .tag(
            tags::FUNCTIONAL_GROUP_POINTER,
            tags::SEGMENT_IDENTIFICATION_SEQUENCE,
        )
        .text(tags::DIMENSION_DESCRIPTION_LABEL, "Segment");
    let organisation = Attributes::new().text(tags::DIMENSION_ORGANIZATION_UID, &organisation);
    image
        .item(tags::DIMENSION_ORGANIZATION_SEQUENCE, organisation)
        .item(tags::DIMENSION_INDEX_SEQUENCE, index)
}

/// Adds the reference to the film, by its series (PS3.3, C.12.2).
fn references(draft: &Draft<'_>, image: Attributes) -> Attributes {
    let series = Attributes::new()
        .text(tags::SERIES_INSTANCE_UID, draft.origin.series())
        .item(tags::REFERENCED_INSTANCE_SEQUENCE, draft.origin.reference());
    image.item(tags::REFERENCED_SERIES_SEQUENCE, series)
}
