//! Reads the film of a DICOM object, with its pixel spacing and the warnings about what it states.

use dicom_dictionary_std::{tags, uids};

use super::data_set::{self, DataSet};
use super::file::File;
use super::guard::guarded;
use super::pixels::StoredSamples;
use super::sample_layout::SampleLayout;
use super::{grey, scan};
use crate::raster::Raster;
use crate::{DecodeError, Limits, undecodable};
use lungfield_radiograph::radiograph::{PixelSpacing, Radiograph, SpacingSource};
use lungfield_radiograph::warnings::Warning;

/// Reads the film of a DICOM object. Only grey images are read, so the colour spread is 0.
pub(crate) fn read_raster(bytes: &[u8], limits: Limits) -> Result<Raster, DecodeError> {
    Ok(Raster {
        film: guarded(|| read(bytes, limits))?,
        colour_spread: 0,
    })
}

/// Reads the film of a DICOM object. A decoder may panic on damaged data.
fn read(bytes: &[u8], limits: Limits) -> Result<Radiograph, DecodeError> {
    let file = File::read(bytes, limits)?;
    let scanned = scan::scan(&file.data, file.encoding)?;
    let object = data_set::parse(&scanned.elements, file.encoding)?;
    let data_set = DataSet(&object);
    let pixels = scanned
        .pixels
        .ok_or_else(|| undecodable("the object has no pixel data"))?;
    let layout = SampleLayout::of(data_set, limits)?;
    let samples = StoredSamples::of(&file, pixels, layout)?;
    let pixels = grey::pixels(&samples, data_set, layout);
    let film = Radiograph::new(layout.size, pixels, spacing(data_set))
        .expect("there is a grey value for each pixel");
    Ok(film.with_warnings(warnings(data_set)))
}

/// Returns the spacing at the patient if the object states it, and otherwise that at the detector.
/// The latter is larger, because the beam is a cone.
fn spacing(data_set: DataSet<'_>) -> Option<PixelSpacing> {
    let of = |tag, source| match data_set.decimals(tag)[..] {
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
fn warnings(data_set: DataSet<'_>) -> Vec<Warning> {
    let for_processing = data_set.text(tags::SOP_CLASS_UID).as_deref()
        == Some(uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PROCESSING)
        || data_set.text(tags::PRESENTATION_INTENT_TYPE).as_deref() == Some("FOR PROCESSING");
    let modality = data_set.text(tags::MODALITY);
    let unexpected = modality.is_some_and(|modality| !RADIOGRAPHS.contains(&modality.as_str()));
    let checks = [
        (is_lateral(data_set), Warning::LateralView),
        (for_processing, Warning::ForProcessing),
        (unexpected, Warning::UnexpectedModality),
    ];
    checks
        .into_iter()
        .filter_map(|(applies, warning)| applies.then_some(warning))
        .collect()
}

/// The modalities of projection radiographs: computed, digital and general radiography, and OT,
/// which scanned or synthetic films may state.
const RADIOGRAPHS: [&str; 4] = ["CR", "DX", "RG", "OT"];
/// The lateral terms of View Position (PS3.3, C.8.1.1 and C.8.7.1), and terms that vendors use
/// instead. A decubitus view is frontal.
const LATERAL_VIEWS: [&str; 6] = ["LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT"];
/// The codes of lateral views of CID 4010, in SNOMED CT and in the older SNOMED RT.
const LATERAL_CODES: [&str; 6] = [
    "399067008",
    "399198007",
    "399173006",
    "R-102CD",
    "R-10232",
    "R-10236",
];

/// Returns whether the object states a lateral view: by its view position, its view code or its
/// patient orientation.
fn is_lateral(data_set: DataSet<'_>) -> bool {
    let position = data_set
        .text(tags::VIEW_POSITION)
        .is_some_and(|view| LATERAL_VIEWS.contains(&view.as_str()));
    let coded = data_set.items(tags::VIEW_CODE_SEQUENCE).any(|view| {
        view.text(tags::CODE_VALUE)
            .is_some_and(|code| LATERAL_CODES.contains(&code.as_str()))
    });
    // Rows that run between front and back belong to a lateral view.
    let rows = data_set.text(tags::PATIENT_ORIENTATION);
    position || coded || rows.is_some_and(|towards| towards.starts_with(['A', 'P']))
}
