//! Lists the attributes of a DICOM object that are read. All others are skipped.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// The attributes that describe the image of a film and how it was taken.
const OF_A_FILM: [Tag; 24] = [
    tags::MODALITY,
    tags::PRESENTATION_INTENT_TYPE,
    tags::IMAGER_PIXEL_SPACING,
    tags::VIEW_POSITION,
    tags::PATIENT_ORIENTATION,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::PIXEL_SPACING,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::VOILUT_FUNCTION,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
    tags::MODALITY_LUT_SEQUENCE,
    tags::VOILUT_SEQUENCE,
    tags::VIEW_CODE_SEQUENCE,
    tags::SOP_CLASS_UID,
];

/// The attributes that an object about a film repeats, because the standard requires it to name the
/// patient and the film.
const OF_ITS_ORIGIN: [Tag; 18] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::STUDY_ID,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
];

/// The attributes that describe the frames of a segmentation.
const OF_A_SEGMENTATION: [Tag; 5] = [
    tags::SEGMENTATION_TYPE,
    tags::SEGMENT_SEQUENCE,
    tags::MAXIMUM_FRACTIONAL_VALUE,
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
];

/// Returns whether a top-level attribute of a data set describes its film or its segmentation.
pub(super) fn is_of_a_film(tag: Tag) -> bool {
    OF_A_FILM.contains(&tag) || OF_A_SEGMENTATION.contains(&tag)
}

/// Returns whether a top-level attribute of a data set is repeated by objects about it.
pub(super) fn is_of_its_origin(tag: Tag) -> bool {
    OF_ITS_ORIGIN.contains(&tag)
}
