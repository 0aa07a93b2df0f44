//! Decides which pixels of a segmentation object are lung: those of the segments that are coded so.

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use super::file::File;
use super::header::{self, Header};
use super::scan::{self, PixelData};
use super::{film, frames, guarded, undecodable};
use crate::reference::{ReferenceError, fitting};
use crate::{DecodeError, Limits};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

/// Codes of the lungs, of the right and of the left one: SNOMED CT, then the older SNOMED RT.
const LUNGS: [&str; 6] = [
    "39607008", "3341006", "44029006", "T-28000", "T-28100", "T-28500",
];

/// The most frames that are looked at. A film's segmentation has one for each segment.
const MAX_FRAMES: usize = 256;

/// A segmentation object, whose mask is made where it is wanted.
#[derive(Debug)]
pub(crate) struct Segmentation<'a> {
    file: File<'a>,
    limits: Limits,
}

impl<'a> Segmentation<'a> {
    /// The segmentation in a DICOM file; `None` where there is another object in it.
    pub(crate) fn open(bytes: &'a [u8], limits: Limits) -> Result<Option<Self>, DecodeError> {
        guarded(|| {
            let file = File::read(bytes, limits)?;
            let scanned = scan::scan(&file.data, file.encoding)?;
            let class = scanned
                .origin
                .iter()
                .find(|(tag, _)| *tag == tags::SOP_CLASS_UID);
            let is_one = class
                .is_some_and(|(_, uid)| uid.starts_with(uids::SEGMENTATION_STORAGE.as_bytes()));
            Ok(is_one.then_some(Self { file, limits }))
        })
    }

    /// The union of the lung segments, whose frames have to have the size of the film.
    pub(crate) fn mask(&self, of: Size) -> Result<Mask, ReferenceError> {
        guarded(|| {
            let scanned = scan::scan(&self.file.data, self.file.encoding)?;
            let object = header::parse(&scanned.elements, self.file.encoding)?;
            let header = Header(&object);
            let (width, height) = film::size(header)?;
            let size = self.limits.admit(width, height)?;
            fitting(size, of)?;
            let Some(PixelData::Native { bytes, .. }) = scanned.pixels else {
                return Err(
                    undecodable("the segmentation has no pixel data, or compressed ones").into(),
                );
            };
            Ok(union(header, bytes, size)?)
        })
    }
}

fn union(header: Header<'_>, bytes: &[u8], size: Size) -> Result<Mask, DecodeError> {
    let lungs: Vec<u32> = header
        .items(tags::SEGMENT_SEQUENCE)
        .filter(|&segment| is_lung(segment))
        .filter_map(|item| item.number(tags::SEGMENT_NUMBER))
        .collect();
    if lungs.is_empty() {
        return Err(undecodable(
            "no segment of the segmentation is coded as lung (SCT 39607008)",
        ));
    }
    let of_frame = Kind::of(header)?;
    let shared = header
        .item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)
        .and_then(segment);
    let frames = header.number(tags::NUMBER_OF_FRAMES).unwrap_or(1) as usize;
    if frames > MAX_FRAMES {
        return Err(DecodeError::SeveralFrames);
    }
    let mut own = header.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let mut union = Mask::empty(size);
    for frame in 0..frames {
        let number = own.next().and_then(segment).or(shared);
        if number.is_none() {
            return Err(undecodable(
                "a frame of the segmentation does not say which segment it is of",
            ));
        }
        if number.is_some_and(|number| lungs.contains(&number)) {
            let mask = of_frame
                .read(bytes, frame, size)
                .ok_or_else(|| undecodable("the pixel data ends early"))?;
            union = union.union(&mask).expect("both were made for this size");
        }
    }
    Ok(union)
}

fn is_lung(segment: Header<'_>) -> bool {
    let code = |tag: Tag| {
        segment
            .item(tag)
            .and_then(|item| item.text(tags::CODE_VALUE))
    };
    code(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE)
        .is_some_and(|code| LUNGS.contains(&code.as_str()))
}

/// The segment that functional groups name.
fn segment(groups: Header<'_>) -> Option<u32> {
    groups
        .item(tags::SEGMENT_IDENTIFICATION_SEQUENCE)?
        .number(tags::REFERENCED_SEGMENT_NUMBER)
}

/// What the pixels of a segment are.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Binary,
    /// Shares of a greatest value; a pixel is lung from half of it on.
    Fractional(u32),
}

impl Kind {
    fn of(header: Header<'_>) -> Result<Self, DecodeError> {
        match (
            header.text(tags::SEGMENTATION_TYPE).as_deref(),
            header.number(tags::BITS_ALLOCATED),
        ) {
            (Some("BINARY"), Some(1)) => Ok(Self::Binary),
            (Some("FRACTIONAL"), Some(8)) => Ok(Self::Fractional(
                header.number(tags::MAXIMUM_FRACTIONAL_VALUE).unwrap_or(255),
            )),
            _ => Err(undecodable(
                "the segmentation is neither BINARY with 1 bit a pixel nor FRACTIONAL with 8",
            )),
        }
    }

    fn read(self, bytes: &[u8], frame: usize, size: Size) -> Option<Mask> {
        match self {
            Self::Binary => frames::unpack(bytes, frame, size),
            Self::Fractional(greatest) => {
                let start = frame.checked_mul(size.pixels())?;
                let shares = bytes.get(start..start.checked_add(size.pixels())?)?;
                Mask::new(
                    size,
                    shares
                        .iter()
                        .map(|&share| 2 * u32::from(share) >= greatest.max(1)),
                )
            }
        }
    }
}
