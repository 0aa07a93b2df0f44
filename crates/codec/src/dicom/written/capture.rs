//! Decides how a film with its mask is written as a secondary capture, which every viewer shows.

use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::Draft;
use super::attributes::Attributes;
use lungfield_radiograph::radiograph::{PixelSpacing, SpacingSource};

/// The number of the series, after that of segmentations.
const SERIES: u16 = 9_002;

/// A picture of the film's size, in red, green and blue.
pub(super) fn capture(draft: &Draft<'_>, mut colours: Vec<u8>) -> Attributes {
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
        .with(at_the_patient(draft.findings.spacing), |image, spacing| {
            image.decimals(tags::PIXEL_SPACING, &spacing)
        });
    draft
        .origin
        .loss(image)
        .bytes(tags::PIXEL_DATA, VR::OB, colours)
}

/// The spacing that may be called that of pixels: the detector's own is another.
fn at_the_patient(spacing: Option<PixelSpacing>) -> Option<[f64; 2]> {
    let spacing = spacing.filter(|spacing| spacing.source() == SpacingSource::PixelSpacing)?;
    Some([spacing.row_mm(), spacing.column_mm()])
}
