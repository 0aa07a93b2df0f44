//! Decides what an object's attributes say of the film in it: how its samples lie, how they become grey, how it was taken.

use dicom_dictionary_std::{tags, uids};

use super::header::Header;
use super::undecodable;
use crate::{DecodeError, Limits};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::radiograph::{PixelSpacing, SpacingSource};
use lungfield_radiograph::warnings::Warning;

/// How the samples of an image lie in its pixel data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) size: Size,
    /// Bits that a sample takes: 8 or 16.
    pub(super) allocated: u16,
    /// Bits of a sample that count.
    pub(super) stored: u16,
    /// How many bits lie below those that count.
    pub(super) shift: u16,
    pub(super) signed: bool,
    /// Whether the least value is white.
    pub(super) inverted: bool,
}

impl Layout {
    /// Of a grey image with one frame; anything else is refused, each with its own words.
    pub(super) fn of(header: Header<'_>, limits: Limits) -> Result<Self, DecodeError> {
        let (width, height) = size(header)?;
        if header
            .number(tags::SAMPLES_PER_PIXEL)
            .is_some_and(|samples| samples != 1)
        {
            return Err(undecodable(
                "the image has several samples a pixel: it is in colour",
            ));
        }
        if header
            .number(tags::NUMBER_OF_FRAMES)
            .is_some_and(|frames| frames > 1)
        {
            return Err(DecodeError::SeveralFrames);
        }
        let inverted = is_inverted(header)?;
        let size = limits.admit(width, height)?;
        let bits = |tag| header.number(tag).and_then(|bits| u16::try_from(bits).ok());
        let allocated = bits(tags::BITS_ALLOCATED).filter(|bits| [8, 16].contains(bits));
        let allocated = allocated
            .ok_or_else(|| undecodable("the image has samples of neither 8 nor 16 bits"))?;
        let stored = bits(tags::BITS_STORED).unwrap_or(allocated);
        let high = bits(tags::HIGH_BIT).unwrap_or(stored.saturating_sub(1));
        if stored == 0 || high >= allocated || stored > high + 1 {
            return Err(undecodable(
                "the bits that the image states do not fit into its samples",
            ));
        }
        let signed = header.number(tags::PIXEL_REPRESENTATION) == Some(1);
        Ok(Self {
            size,
            allocated,
            stored,
            shift: high + 1 - stored,
            signed,
            inverted,
        })
    }
}

/// Columns and rows, of which there are 65,535 at most.
pub(super) fn size(header: Header<'_>) -> Result<(u32, u32), DecodeError> {
    let side = |tag| header.number(tag).filter(|&side| side <= u16::MAX.into());
    side(tags::COLUMNS)
        .zip(side(tags::ROWS))
        .ok_or_else(|| undecodable("the object does not state the size of its image"))
}

fn is_inverted(header: Header<'_>) -> Result<bool, DecodeError> {
    match header.text(tags::PHOTOMETRIC_INTERPRETATION).as_deref() {
        Some("MONOCHROME1") => Ok(true),
        Some("MONOCHROME2") => Ok(false),
        Some("RGB" | "PALETTE COLOR" | "YBR_FULL" | "YBR_FULL_422" | "YBR_ICT" | "YBR_RCT") => Err(
            undecodable("the image is in colour; radiographs are MONOCHROME1 or MONOCHROME2"),
        ),
        _ => Err(undecodable(
            "the image is neither MONOCHROME1 nor MONOCHROME2",
        )),
    }
}

/// The spacing at the patient where the object states it, else that at the detector, which is larger: the beam is a cone.
pub(super) fn spacing(header: Header<'_>) -> Option<PixelSpacing> {
    let of = |tag, source| match header.decimals(tag)[..] {
        [row, column] => Some(PixelSpacing::new(row, column)?.with_source(source)),
        _ => None,
    };
    of(tags::PIXEL_SPACING, SpacingSource::PixelSpacing).or_else(|| {
        of(
            tags::IMAGER_PIXEL_SPACING,
            SpacingSource::ImagerPixelSpacing,
        )
    })
}

/// Returns the warnings about what the object states: how the film was taken, and for which use.
pub(super) fn warnings(header: Header<'_>) -> Vec<Warning> {
    let for_processing = header.text(tags::SOP_CLASS_UID).as_deref()
        == Some(uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PROCESSING)
        || header.text(tags::PRESENTATION_INTENT_TYPE).as_deref() == Some("FOR PROCESSING");
    let modality = header.text(tags::MODALITY);
    let unexpected = modality.is_some_and(|modality| !RADIOGRAPHS.contains(&modality.as_str()));
    let checks = [
        (is_lateral(header), Warning::LateralView),
        (for_processing, Warning::ForProcessing),
        (unexpected, Warning::UnexpectedModality),
    ];
    checks
        .into_iter()
        .filter_map(|(applies, warning)| applies.then_some(warning))
        .collect()
}

/// Modalities of projection radiographs: computed, digital and general radiography; and what scanned or drawn films may say.
const RADIOGRAPHS: [&str; 4] = ["CR", "DX", "RG", "OT"];
/// Terms of View Position (PS3.3, C.8.1.1 and C.8.7.1) and terms that vendors write instead. A decubitus view is frontal.
const LATERAL_VIEWS: [&str; 6] = ["LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT"];
/// Codes of lateral views of CID 4010, by SNOMED CT and by the older SNOMED RT.
const LATERAL_CODES: [&str; 6] = [
    "399067008",
    "399198007",
    "399173006",
    "R-102CD",
    "R-10232",
    "R-10236",
];

fn is_lateral(header: Header<'_>) -> bool {
    let position = header
        .text(tags::VIEW_POSITION)
        .is_some_and(|view| LATERAL_VIEWS.contains(&view.as_str()));
    let coded = header.items(tags::VIEW_CODE_SEQUENCE).any(|view| {
        view.text(tags::CODE_VALUE)
            .is_some_and(|code| LATERAL_CODES.contains(&code.as_str()))
    });
    // Rows that run from back to front are seen from the side.
    let rows = header.text(tags::PATIENT_ORIENTATION);
    position || coded || rows.is_some_and(|towards| towards.starts_with(['A', 'P']))
}
