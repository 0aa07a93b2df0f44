//! Decides which attributes of a DICOM object are read. Every other one is passed over unread.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// Attributes that bear on what a film looks like, and how it was taken.
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

/// Attributes that an object about a film repeats, since the standard has it name whose and which film it is about.
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

/// Attributes that say what the frames of a segmentation are.
const OF_A_SEGMENTATION: [Tag; 5] = [
    tags::SEGMENTATION_TYPE,
    tags::SEGMENT_SEQUENCE,
    tags::MAXIMUM_FRACTIONAL_VALUE,
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
];

/// Whether an attribute of a data set itself, rather than of an item in it, bears on what its film or its segmentation is.
pub(super) fn is_of_a_film(tag: Tag) -> bool {
    OF_A_FILM.contains(&tag) || OF_A_SEGMENTATION.contains(&tag)
}

/// Whether an attribute of a data set itself is one that objects about it repeat.
pub(super) fn is_of_its_origin(tag: Tag) -> bool {
    OF_ITS_ORIGIN.contains(&tag)
}
