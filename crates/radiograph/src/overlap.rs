//! Measures how well two masks agree, by the pixels that they share.

use crate::geometry::Size;
use crate::mask::Mask;

/// The pixel counts of two masks and of their intersection, from which overlap scores are computed.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::mask::Mask;
/// use lungfield_radiograph::overlap::Overlap;
///
/// let size = Size::new(4, 1).expect("neither side is 0");
/// let mask = |pixels: [bool; 4]| Mask::new(size, pixels).expect("one value for each pixel");
/// let predicted = mask([true, true, true, false]);
/// let reference = mask([false, true, true, true]);
///
/// let overlap = Overlap::of(&predicted, &reference)?;
/// assert!((overlap.dice() - 2.0 * 2.0 / 6.0).abs() < 1e-12);
/// assert!((overlap.jaccard() - 2.0 / 4.0).abs() < 1e-12);
/// # Ok::<(), lungfield_radiograph::overlap::SizeMismatch>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    intersection: u64,
    first: u64,
    second: u64,
}

/// The error for two masks of different sizes, which cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the masks differ in size: {first} and {second}")]
pub struct SizeMismatch {
    /// The size of the first mask.
    pub first: Size,
    /// The size of the second mask.
    pub second: Size,
}

impl Overlap {
    /// Counts the pixels of both masks and of their intersection.
    ///
    /// # Errors
    ///
    /// Returns [`SizeMismatch`] if the masks have different sizes.
    pub fn of(first: &Mask, second: &Mask) -> Result<Self, SizeMismatch> {
        let mismatch = SizeMismatch {
            first: first.size(),
            second: second.size(),
        };
        let intersection = first.shared_px(second).ok_or(mismatch)?;
        Ok(Self {
            intersection,
            first: first.area_px(),
            second: second.area_px(),
        })
    }

    /// Returns Dice's coefficient, `2·|A∩B| / (|A|+|B|)`, from 0 to 1 (Dice 1945). For two empty
    /// masks it is 1.
    #[must_use]
    pub fn dice(self) -> f64 {
        ratio(2 * self.intersection, self.first + self.second)
    }

    /// Returns Jaccard's index, `|A∩B| / |A∪B|`, from 0 to 1 (Jaccard 1912). For two empty masks it
    /// is 1.
    #[must_use]
    pub fn jaccard(self) -> f64 {
        ratio(
            self.intersection,
            self.first + self.second - self.intersection,
        )
    }
}

/// Returns `part / whole`, or 1 if `whole` is 0.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn mask(pixels: &[u8]) -> Mask {
        let size = Size::new(u32::try_from(pixels.len()).unwrap(), 1).unwrap();
        Mask::new(size, pixels.iter().map(|&p| p == 1)).unwrap()
    }

    #[test]
    fn scores_follow_their_formulas() {
        let overlap = Overlap::of(&mask(&[1, 1, 1, 0]), &mask(&[0, 1, 1, 1])).unwrap();
        assert!((overlap.dice() - 4.0 / 6.0).abs() < 1e-12);
        assert!((overlap.jaccard() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn two_empty_masks_agree_and_an_empty_mask_disagrees_with_any_other() {
        let empty = mask(&[0, 0]);
        assert!((Overlap::of(&empty, &empty).unwrap().dice() - 1.0).abs() < f64::EPSILON);
        assert!(Overlap::of(&empty, &mask(&[0, 1])).unwrap().dice() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn scores_of_any_two_masks_are_those_of_their_pixels(pair in vec((0_u8..2, 0_u8..2), 1..300)) {
            let (first, second): (Vec<_>, Vec<_>) = pair.iter().copied().unzip();
            let overlap = Overlap::of(&mask(&first), &mask(&second)).unwrap();
            let swapped = Overlap::of(&mask(&second), &mask(&first)).unwrap();
            prop_assert_eq!(overlap.dice().to_bits(), swapped.dice().to_bits(), "neither comes first");
            let count = |holds: fn((u8, u8)) -> bool| pair.iter().filter(|&&pixels| holds(pixels)).count() as f64;
            let (both, either) = (count(|(a, b)| a + b == 2), count(|(a, b)| a + b > 0));
            if either > 0.0 {
                prop_assert!((overlap.jaccard() - both / either).abs() < 1e-12);
                prop_assert!((overlap.dice() - 2.0 * both / (either + both)).abs() < 1e-12);
            }
            let (dice, jaccard) = (overlap.dice(), overlap.jaccard());
            prop_assert!((dice - 2.0 * jaccard / (1.0 + jaccard)).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&dice));
            let same = Overlap::of(&mask(&first), &mask(&first)).unwrap();
            prop_assert_eq!(same.dice().to_bits(), 1_f64.to_bits());
        }
    }

    #[test]
    fn masks_of_different_sizes_have_no_score() {
        assert!(Overlap::of(&mask(&[1]), &mask(&[1, 1])).is_err());
    }
}
