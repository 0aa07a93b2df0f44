//! Decides how well two masks agree.

use crate::geometry::Size;
use crate::mask::Mask;

/// Pixel counts from which every overlap score of two masks follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    intersection: u64,
    first: u64,
    second: u64,
}

/// Two masks of different sizes have no overlap score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the masks differ in size: {first} and {second}")]
pub struct SizeMismatch {
    /// Size of the first mask.
    pub first: Size,
    /// Size of the second mask.
    pub second: Size,
}

impl Overlap {
    /// Counts the pixels of both masks and those that they share.
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

    /// Dice's coefficient, `2·|A∩B| / (|A|+|B|)`, from 0 to 1 (Dice 1945). Two empty masks agree perfectly: 1.
    #[must_use]
    pub fn dice(self) -> f64 {
        ratio(2 * self.intersection, self.first + self.second)
    }

    /// Jaccard's index, `|A∩B| / |A∪B|`, from 0 to 1 (Jaccard 1912). Two empty masks agree perfectly: 1.
    #[must_use]
    pub fn jaccard(self) -> f64 {
        ratio(
            self.intersection,
            self.first + self.second - self.intersection,
        )
    }
}

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
    fn two_empty_masks_agree_and_an_empty_one_agrees_with_no_other() {
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
