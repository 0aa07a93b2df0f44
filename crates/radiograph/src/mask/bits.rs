//! Stores a binary mask with one bit for each pixel and whole words for each row.
//!
//! The mask of a large film is small, and rows are read and compared 64 pixels at a time.

use std::ops::Range;

use super::row::{Row, WORD, words_of};
use crate::geometry::Size;

/// A binary mask: for each pixel of a film, whether it is lung.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::mask::Mask;
///
/// let size = Size::new(3, 2).expect("neither side is 0");
/// let pixels = [true, true, false, false, true, false];
/// let mask = Mask::new(size, pixels).expect("one value for each pixel");
/// assert_eq!(mask.area_px(), 3);
/// assert_eq!(mask.row(0).runs().collect::<Vec<_>>(), [0..2]);
/// assert!(mask.pixels().eq(pixels));
///
/// let mut filled = Mask::empty(size);
/// filled.fill(0, 0..2);
/// filled.fill(1, 1..2);
/// assert_eq!(filled, mask);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    size: Size,
    /// The rows, one after the other. The lowest bit of a word is its leftmost pixel. Bits beyond
    /// the width are 0.
    words: Vec<u64>,
}
impl Mask {
    /// Creates a mask from its pixels, row by row. Returns `None` if their number does not match
    /// `size`.
    #[must_use]
    pub fn new(size: Size, pixels: impl IntoIterator<Item = bool>) -> Option<Self> {
        let mut mask = Self::empty(size);
        let mut pixels = pixels.into_iter();
        for row in mask.words.chunks_exact_mut(row_words(size)) {
            for (index, word) in row.iter_mut().enumerate() {
                for bit in 0..WORD.min(size.columns() - index * WORD) {
                    *word |= u64::from(pixels.next()?) << bit;
                }
            }
        }
        pixels.next().is_none().then_some(mask)
    }

    /// Creates a mask without any lung pixel.
    #[must_use]
    pub fn empty(size: Size) -> Self {
        Self {
            size,
            words: vec![0; row_words(size) * size.rows()],
        }
    }

    /// Creates a mask from the pixels that differ from the pixel above them.
    ///
    /// `changes` holds the column and the row of each such pixel. The pixels above the first row
    /// count as background. A pixel that is listed twice is not changed.
    ///
    /// # Panics
    ///
    /// Panics if a change is outside of `size`.
    ///
    /// # Examples
    ///
    /// ```
    /// use lungfield_radiograph::geometry::Size;
    /// use lungfield_radiograph::mask::Mask;
    ///
    /// let size = Size::new(2, 3).expect("neither side is 0");
    /// let mask = Mask::from_changes(size, [(0, 1)]);
    /// assert!(mask.pixels().eq([false, false, true, false, true, false]));
    /// ```
    #[must_use]
    pub fn from_changes(size: Size, changes: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut mask = Self::empty(size);
        let width = row_words(size);
        for (column, row) in changes {
            assert!(column < size.columns(), "a change is within the mask");
            mask.words[row * width + column / WORD] ^= 1 << (column % WORD);
        }
        for index in width..mask.words.len() {
            mask.words[index] ^= mask.words[index - width];
        }
        mask
    }

    /// Returns the size of the mask.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns a row, counted from 0 at the top.
    ///
    /// # Panics
    ///
    /// Panics if the mask has no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> Row<'_> {
        let width = row_words(self.size);
        Row::new(&self.words[row * width..][..width], self.size.columns())
    }

    /// Returns the rows, from top to bottom.
    #[must_use]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.size.rows()).map(move |row| self.row(row))
    }

    /// Returns the pixels, row by row.
    pub fn pixels(&self) -> impl Iterator<Item = bool> {
        self.rows().flat_map(Row::pixels)
    }

    /// Sets the pixels of `row` in `columns` to lung.
    ///
    /// # Panics
    ///
    /// Panics if one of them is outside of the mask.
    pub fn fill(&mut self, row: usize, columns: Range<usize>) {
        if columns.is_empty() {
            return;
        }
        assert!(
            columns.end <= self.size.columns(),
            "the filled columns are within the mask"
        );
        let width = row_words(self.size);
        let words = &mut self.words[row * width..][..width];
        for (index, bits) in words_of(columns) {
            words[index] |= bits;
        }
    }

    /// Returns the number of lung pixels.
    #[must_use]
    pub fn area_px(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// Returns the number of pixels that are lung in both masks, or `None` if the sizes differ.
    #[must_use]
    pub fn shared_px(&self, other: &Self) -> Option<u64> {
        let pairs = self.words.iter().zip(&other.words);
        (self.size == other.size).then(|| pairs.map(|(a, b)| u64::from((a & b).count_ones())).sum())
    }

    /// Returns the mask of the pixels that are lung in at least one of the two masks, or `None` if
    /// the sizes differ.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Option<Self> {
        if self.size != other.size {
            return None;
        }
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(word, other)| *word |= other);
        Some(self)
    }

    /// Returns the mask of the pixels that are lung in this mask and not in `other`, or `None` if
    /// the sizes differ.
    #[must_use]
    pub fn without(mut self, other: &Self) -> Option<Self> {
        if self.size != other.size {
            return None;
        }
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(word, other)| *word &= !other);
        Some(self)
    }

    /// Returns the mask with each lung pixel extended to a square: by `before` pixels to the left
    /// and up, and by `after` pixels to the right and down. The result has the size of the mask.
    #[must_use]
    pub fn widened(&self, before: usize, after: usize) -> Self {
        let mut wide = Self::empty(self.size);
        for (y, row) in self.rows().enumerate() {
            row.widened_runs(before, after)
                .for_each(|run| wide.fill(y, run));
        }
        let mut square = wide.clone();
        let width = row_words(self.size);
        let unite = |words: &mut [u64], other: &[u64]| {
            words.iter_mut().zip(other).for_each(|(a, b)| *a |= b);
        };
        for down in 1..=after.min(self.size.rows() - 1) {
            unite(&mut square.words[down * width..], &wide.words);
        }
        for up in 1..=before.min(self.size.rows() - 1) {
            unite(&mut square.words, &wide.words[up * width..]);
        }
        square
    }

    /// Returns the border of the mask: the lung pixels of which at least one of the four neighbours
    /// is background. Pixels beyond the edge of the film count as background.
    #[must_use]
    pub fn border(&self) -> Self {
        let width = row_words(self.size);
        let beyond = vec![0; width];
        let mut border = self.clone();
        for (row, edge) in border.words.chunks_exact_mut(width).enumerate() {
            let words = |row: usize| {
                self.words
                    .get(row * width..(row + 1) * width)
                    .unwrap_or(&beyond)
            };
            let above = row.checked_sub(1).map_or(&beyond[..], words);
            let (here, below) = (words(row), words(row + 1));
            for (index, edge) in edge.iter_mut().enumerate() {
                let last_of_left = index
                    .checked_sub(1)
                    .map_or(0, |left| here[left] >> (WORD - 1));
                let first_of_right = here.get(index + 1).map_or(0, |right| right << (WORD - 1));
                let sides = (here[index] << 1 | last_of_left) & (here[index] >> 1 | first_of_right);
                *edge &= !(sides & above[index] & below[index]);
            }
        }
        border
    }
}
/// Returns the number of words in a row.
fn row_words(size: Size) -> usize {
    size.columns().div_ceil(WORD)
}

#[cfg(test)]
mod tests;
