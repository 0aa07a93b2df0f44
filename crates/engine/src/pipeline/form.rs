//! Decides what a mask is written as.

use lungfield_codec::dicom::{Kind, Wanted};
use lungfield_codec::rle::Encoded;
use lungfield_radiograph::mask::Mask;

/// What a mask is written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// COCO's run-length encoding.
    Rle {
        /// Whether its counts are written as numbers, instead of pycocotools' string.
        plain: bool,
        /// Whether the reference mask is written, too, as it was read.
        with_reference: bool,
    },
    /// An 8-bit grey PNG of 0 and 255.
    Png,
    /// A byte for each pixel, row by row: 1 for lung, 0 for none.
    Samples,
    /// The film with the mask in red and the outline of the reference mask in white, as an RGB PNG.
    Overlay,
    /// A DICOM object about the film, which must have come as one.
    Dicom(Wanted),
}

impl Form {
    /// Whether the film itself is seen in it.
    pub(super) fn shows_film(&self) -> bool {
        matches!(
            self,
            Self::Overlay
                | Self::Dicom(Wanted {
                    kind: Kind::Capture,
                    ..
                })
        )
    }
}

/// A mask as it is sent, on the film's own grid.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// COCO's run-length encoding.
    Rle {
        /// That of the mask.
        mask: Encoded,
        /// That of the reference mask, where one came and was to be written.
        reference: Option<Encoded>,
    },
    /// The bytes of a PNG.
    Png(Vec<u8>),
    /// A byte for each pixel.
    Samples(Vec<u8>),
    /// The bytes of a DICOM file.
    Dicom(Vec<u8>),
}

/// A byte for each pixel: 1 for lung, 0 for none.
pub(super) fn samples(mask: &Mask) -> Vec<u8> {
    let width = mask.size().width() as usize;
    let mut samples = vec![0; mask.size().pixels()];
    for (row, samples) in mask.rows().zip(samples.chunks_exact_mut(width)) {
        row.runs().for_each(|run| samples[run].fill(1));
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;
    use lungfield_radiograph::geometry::Size;

    #[test]
    fn samples_are_ones_where_there_is_lung() {
        let size = Size::new(5, 3).unwrap();
        let lung = |place: usize| matches!(place, 1..=3 | 9 | 14);
        let mask = Mask::new(size, (0..15).map(lung)).unwrap();
        let expected: Vec<u8> = (0..15).map(|place| u8::from(lung(place))).collect();
        assert_eq!(samples(&mask), expected);
    }
}
