//! Reads how the samples of an image are stored in its pixel data.

use dicom_dictionary_std::tags;

use super::data_set::DataSet;
use crate::{DecodeError, Limits, undecodable};
use lungfield_radiograph::geometry::Size;

/// The layout of the samples of an image in its pixel data (the Image Pixel module, PS3.3,
/// C.7.6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampleLayout {
    pub(super) size: Size,
    /// The number of bits of a sample: 8 or 16.
    pub(super) allocated: u16,
    /// The number of bits of a sample that hold its value.
    pub(super) stored: u16,
    /// The number of unused bits below the value.
    pub(super) shift: u16,
    pub(super) signed: bool,
    /// Whether the lowest value is white.
    pub(super) inverted: bool,
}

impl SampleLayout {
    /// Reads the layout of a grey image with one frame. Refuses any other image, with its own
    /// message for each reason.
    pub(super) fn of(data_set: DataSet<'_>, limits: Limits) -> Result<Self, DecodeError> {
        let (width, height) = size(data_set)?;
        if data_set
            .number(tags::SAMPLES_PER_PIXEL)
            .is_some_and(|samples| samples != 1)
        {
            return Err(undecodable(
                "the image has several samples a pixel: it is in colour",
            ));
        }
        if data_set
            .number(tags::NUMBER_OF_FRAMES)
            .is_some_and(|frames| frames > 1)
        {
            return Err(DecodeError::SeveralFrames);
        }
        let inverted = is_inverted(data_set)?;
        let size = limits.admit(width, height)?;
        let bits = |tag| {
            data_set
                .number(tag)
                .and_then(|bits| u16::try_from(bits).ok())
        };
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
        let signed = data_set.number(tags::PIXEL_REPRESENTATION) == Some(1);
        Ok(Self {
            size,
            allocated,
            stored,
            shift: high + 1 - stored,
            signed,
            inverted,
        })
    }

    /// Returns the number of values that a sample can have.
    pub(super) fn value_count(self) -> usize {
        1 << self.stored
    }

    /// Extracts the bits of the value from a sample, as an index below [`Self::value_count`].
    pub(super) fn index(self, sample: u16) -> usize {
        usize::from(sample >> self.shift) & (self.value_count() - 1)
    }

    /// Returns the value of the samples with an index.
    pub(super) fn value(self, index: usize) -> f64 {
        let count = self.value_count();
        let wraps = self.signed && index >= count / 2;
        index as f64 - if wraps { count as f64 } else { 0.0 }
    }

    /// Returns the values from the lowest to the highest.
    pub(super) fn range(self) -> ValueRange {
        let count = self.value_count() as f64;
        let least = if self.signed { -count / 2.0 } else { 0.0 };
        ValueRange {
            least,
            greatest: least + count - 1.0,
        }
    }
}

/// A range of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ValueRange {
    pub(super) least: f64,
    pub(super) greatest: f64,
}

impl ValueRange {
    /// Returns the position of a value in the range: 0 for the least and 1 for the greatest.
    pub(super) fn share(self, value: f64) -> f64 {
        if self.greatest > self.least {
            (value - self.least) / (self.greatest - self.least)
        } else {
            0.0
        }
    }
}

/// Returns the declared columns and rows, which are at most 65,535 each.
pub(super) fn size(data_set: DataSet<'_>) -> Result<(u32, u32), DecodeError> {
    let side = |tag| data_set.number(tag).filter(|&side| side <= u16::MAX.into());
    side(tags::COLUMNS)
        .zip(side(tags::ROWS))
        .ok_or_else(|| undecodable("the object does not state the size of its image"))
}

/// Returns whether the lowest value is white.
fn is_inverted(data_set: DataSet<'_>) -> Result<bool, DecodeError> {
    match data_set.text(tags::PHOTOMETRIC_INTERPRETATION).as_deref() {
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
