//! Writes a film with its mask as a secondary capture, which every viewer shows.

use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::attributes::Attributes;
use super::{Draft, WriteError};
use lungfield_radiograph::radiograph::{PixelSpacing, SpacingSource};

/// The number of the series, after that of segmentations.
const SERIES: u16 = 9_002;

/// Writes an image of the film's size in red, green and blue.
pub(super) fn capture(draft: &Draft<'_>, mut colours: Vec<u8>) -> Result<Attributes, WriteError> {
    if colours.len() != 3 * draft.subject.mask.size().pixels() {
        return Err(WriteError::Defect);
    }
    if colours.len() % 2 == 1 {
        colours.push(0);
    }
    let image = draft
        .grid(draft.base("OT", SERIES))
        .text(tags::CONVERSION_TYPE, "WSD")
        .text(tags::IMAGE_TYPE, "DERIVED\\SECONDARY")
        .text(tags::PATIENT_ORIENTATION, "")
        .text(
            tags::DERIVATION_DESCRIPTION,
            "Film with the lung fields in red; not for diagnosis",
        )
        .item(tags::SOURCE_IMAGE_SEQUENCE, draft.origin.source())
        .short(tags::SAMPLES_PER_PIXEL, 3)
        .text(tags::PHOTOMETRIC_INTERPRETATION, "RGB")
        .short(tags::PLANAR_CONFIGURATION, 0)
        .short(tags::BITS_ALLOCATED, 8)
        .short(tags::BITS_STORED, 8)
        .short(tags::HIGH_BIT, 7)
        .short(tags::PIXEL_REPRESENTATION, 0)
        .with(at_the_patient(draft.subject.spacing), |image, spacing| {
            image.decimals(tags::PIXEL_SPACING, &spacing)
        });
    let image = draft.origin.loss(image);
    Ok(image.bytes(tags::PIXEL_DATA, VR::OB, colours))
}

/// Returns the spacing where it is that of the pixels: that of the detector's elements is stated elsewhere.
fn at_the_patient(spacing: Option<PixelSpacing>) -> Option<[f64; 2]> {
    let spacing = spacing.filter(|spacing| spacing.source() == SpacingSource::PixelSpacing)?;
    Some([spacing.row_mm(), spacing.column_mm()])
}
