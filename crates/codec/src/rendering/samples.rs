//! Writes a mask as one byte for each pixel.

use lungfield_radiograph::mask::Mask;

/// Encodes a mask as one byte for each pixel, row by row: 1 for lung, 0 for none.
///
/// ```
/// use lungfield_codec::rendering::samples;
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::mask::Mask;
///
/// let mask = Mask::new(Size::new(3, 1).unwrap(), [false, true, true]).unwrap();
/// assert_eq!(samples::encode(&mask), [0, 1, 1]);
/// ```
#[must_use]
pub fn encode(mask: &Mask) -> Vec<u8> {
    let mut samples = vec![0; mask.size().pixels()];
    for (row, samples) in mask
        .rows()
        .zip(samples.chunks_exact_mut(mask.size().columns()))
    {
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
        assert_eq!(encode(&mask), expected);
    }
}
