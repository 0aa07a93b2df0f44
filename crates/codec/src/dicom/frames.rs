//! Packs masks into the pixel data of a segmentation, and unpacks them.
//!
//! Each pixel has one bit, the first pixel in the lowest bit of a byte. Frames follow each other
//! without a gap (PS3.5, 8.1.1).

use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

/// Packs masks of one size as frames. The result is padded to an even length.
pub(super) fn pack(masks: &[Mask]) -> Vec<u8> {
    let pixels = masks.iter().map(|mask| mask.size().pixels()).sum::<usize>();
    let mut bytes = vec![0; pixels.div_ceil(16) * 2];
    let mut start = 0;
    for mask in masks {
        for row in mask.rows() {
            for run in row.runs() {
                fill(&mut bytes, start + run.start, start + run.end);
            }
            start += mask.size().columns();
        }
    }
    bytes
}

/// Sets the bits from `start` up to `end`.
fn fill(bytes: &mut [u8], start: usize, end: usize) {
    let (first, last) = (start / 8, (end - 1) / 8);
    let (from, upto) = (0xFF << (start % 8), 0xFF >> (7 - (end - 1) % 8));
    if first == last {
        bytes[first] |= from & upto;
        return;
    }
    bytes[first] |= from;
    bytes[first + 1..last].fill(0xFF);
    bytes[last] |= upto;
}

/// Unpacks the mask of one frame. Returns `None` if the pixel data ends early.
pub(super) fn unpack(bytes: &[u8], frame: usize, size: Size) -> Option<Mask> {
    let start = frame.checked_mul(size.pixels())?;
    let end = start.checked_add(size.pixels())?;
    if end.div_ceil(8) > bytes.len() {
        return None;
    }
    Mask::new(
        size,
        (start..end).map(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 1),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_pixel_is_in_the_lowest_bit_and_frames_have_no_gap() {
        let size = Size::new(5, 1).unwrap();
        let masks = [
            [true, false, false, true, true],
            [true, true, false, false, true],
        ];
        let masks = masks.map(|pixels| Mask::new(size, pixels).unwrap());
        assert_eq!(pack(&masks), [0b0111_1001, 0b10]);
    }

    proptest! {
        #[test]
        fn masks_survive_a_round_trip((width, height) in (1_u32..70, 1_u32..9), seed in any::<u64>()) {
            let size = Size::new(width, height).unwrap();
            let bit = |index: usize| seed.rotate_left(u32::try_from(index % 61).unwrap()).is_multiple_of(4);
            let masks = [0, 7].map(|shift| Mask::new(size, (0..size.pixels()).map(|index| bit(index + shift))).unwrap());
            let bytes = pack(&masks);
            prop_assert_eq!(bytes.len() % 2, 0);
            for (frame, mask) in masks.iter().enumerate() {
                let unpacked = unpack(&bytes, frame, size);
                prop_assert_eq!(unpacked.as_ref(), Some(mask));
            }
            prop_assert!(unpack(&bytes, bytes.len() * 8, size).is_none());
        }
    }
}
