//! Reads the mask of a segmentation object: the union of the segments that are coded as lung.

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::data_set::{self, DataSet};
use super::file::File;
use super::guard::guarded;
use super::scan::{self, PixelData};
use super::{frames, sample_layout};
use crate::{DecodeError, Limits, undecodable};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

/// The codes of both lungs, the right lung and the left lung, in SNOMED CT and then in the older
/// SNOMED RT.
const LUNGS: [&str; 6] = [
    "39607008", "3341006", "44029006", "T-28000", "T-28100", "T-28500",
];

/// The largest number of frames that is read. The segmentation of a film has one frame for each
/// segment.
const MAX_FRAMES: usize = 256;

/// A segmentation object. Its mask is not decoded until [`Segmentation::mask`].
#[derive(Debug)]
pub(crate) struct Segmentation<'a> {
    file: File<'a>,
    object: InMemDicomObject,
    size: Size,
}

impl<'a> Segmentation<'a> {
    /// Opens the segmentation in a DICOM file. Returns `None` if the file holds another object.
    pub(crate) fn open(bytes: &'a [u8], limits: Limits) -> Result<Option<Self>, DecodeError> {
        guarded(|| {
            let file = File::read(bytes, limits)?;
            let scanned = scan::scan(&file.data, file.encoding)?;
            let class = scanned
                .origin
                .iter()
                .find(|(tag, _)| *tag == tags::SOP_CLASS_UID);
            if !class.is_some_and(|(_, uid)| uid.starts_with(uids::SEGMENTATION_STORAGE.as_bytes()))
            {
                return Ok(None);
            }
            let object = data_set::parse(&scanned.elements, file.encoding)?;
            let (width, height) = sample_layout::size(DataSet(&object))?;
            let size = limits.admit(width, height)?;
            Ok(Some(Self { file, object, size }))
        })
    }

    /// Returns the size of its frames.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Decodes the union of the lung segments.
    pub(crate) fn mask(&self) -> Result<Mask, DecodeError> {
        guarded(|| {
            let scanned = scan::scan(&self.file.data, self.file.encoding)?;
            let Some(PixelData::Native { bytes, .. }) = scanned.pixels else {
                return Err(undecodable(
                    "the segmentation has no pixel data, or its pixel data is compressed",
                ));
            };
            union(DataSet(&self.object), bytes, self.size)
        })
    }
}

/// Decodes the union of the lung segments.
fn union(data_set: DataSet<'_>, bytes: &[u8], size: Size) -> Result<Mask, DecodeError> {
    let lungs = lung_segments(data_set);
    if lungs.is_empty() {
        return Err(undecodable(
            "no segment of the segmentation is coded as lung (SCT 39607008)",
        ));
    }
    let encoding = FrameEncoding::of(data_set)?;
    let mut union = Mask::empty(size);
    for (frame, segment) in frame_segments(data_set)?.into_iter().enumerate() {
        if lungs.contains(&segment) {
            let mask = encoding
                .decode(bytes, frame, size)
                .ok_or_else(|| undecodable("the pixel data ends early"))?;
            union = union.union(&mask).expect("both have this size");
        }
    }
    Ok(union)
}

/// Returns the numbers of the segments that are coded as lung.
fn lung_segments(data_set: DataSet<'_>) -> Vec<u32> {
    data_set
        .items(tags::SEGMENT_SEQUENCE)
        .filter(|&segment| is_lung(segment))
        .filter_map(|segment| segment.number(tags::SEGMENT_NUMBER))
        .collect()
}

/// Returns whether a segment is coded as lung.
fn is_lung(segment: DataSet<'_>) -> bool {
    let code = |tag: Tag| {
        segment
            .item(tag)
            .and_then(|item| item.text(tags::CODE_VALUE))
    };
    code(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE)
        .is_some_and(|code| LUNGS.contains(&code.as_str()))
}

/// Returns the number of the segment of each frame.
fn frame_segments(data_set: DataSet<'_>) -> Result<Vec<u32>, DecodeError> {
    let shared = data_set
        .item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)
        .and_then(segment_number);
    let frames = data_set.number(tags::NUMBER_OF_FRAMES).unwrap_or(1) as usize;
    if frames > MAX_FRAMES {
        return Err(DecodeError::SeveralFrames);
    }
    let mut own = data_set.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let segments = (0..frames).map(|_frame| own.next().and_then(segment_number).or(shared));
    segments
        .collect::<Option<_>>()
        .ok_or_else(|| undecodable("a frame of the segmentation does not state its segment"))
}

/// Returns the number of the segment that functional groups name.
fn segment_number(groups: DataSet<'_>) -> Option<u32> {
    groups
        .item(tags::SEGMENT_IDENTIFICATION_SEQUENCE)?
        .number(tags::REFERENCED_SEGMENT_NUMBER)
}

/// The encoding of the pixels of a frame.
#[derive(Clone, Copy, Debug)]
enum FrameEncoding {
    /// One bit for each pixel.
    Binary,
    /// One byte for each pixel, from 0 to this value. A pixel is lung from half of it on.
    Fractional(u32),
}

impl FrameEncoding {
    /// Reads the encoding of a segmentation.
    fn of(data_set: DataSet<'_>) -> Result<Self, DecodeError> {
        match (
            data_set.text(tags::SEGMENTATION_TYPE).as_deref(),
            data_set.number(tags::BITS_ALLOCATED),
        ) {
            (Some("BINARY"), Some(1)) => Ok(Self::Binary),
            (Some("FRACTIONAL"), Some(8)) => Ok(Self::Fractional(
                data_set
                    .number(tags::MAXIMUM_FRACTIONAL_VALUE)
                    .unwrap_or(255),
            )),
            _ => Err(undecodable(
                "the segmentation is neither BINARY with 1 bit a pixel nor FRACTIONAL with 8",
            )),
        }
    }

    /// Decodes the mask of a frame. Returns `None` if the pixel data ends early.
    fn decode(self, bytes: &[u8], frame: usize, size: Size) -> Option<Mask> {
        match self {
            Self::Binary => frames::unpack(bytes, frame, size),
            Self::Fractional(greatest) => {
                let start = frame.checked_mul(size.pixels())?;
                let shares = bytes.get(start..start.checked_add(size.pixels())?)?;
                let is_lung = |&share: &u8| 2 * u32::from(share) >= greatest.max(1);
                Mask::new(size, shares.iter().map(is_lung))
            }
        }
    }
}
