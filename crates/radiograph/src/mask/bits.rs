//! Decides how a binary mask is kept: a bit a pixel and whole words a row, so that the mask of a large film is small and
//! rows are read and compared 64 pixels at a time.

use std::ops::Range;

use crate::geometry::Size;

/// Pixels in a word.
const WORD: usize = u64::BITS as usize;

/// Which pixels of a film are lung, on the film's own pixel grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    size: Size,
    /// Row by row, the leftmost pixel of a word in its lowest bit; bits beyond the width are 0.
    words: Vec<u64>,
}

/// A row of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    words: &'a [u64],
    width: usize,
}

impl Mask {
    /// A mask of `size`, row by row, or `None` where the number of pixels does not match it.
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

    /// A mask without lung.
    #[must_use]
    pub fn empty(size: Size) -> Self {
        Self {
            size,
            words: vec![0; row_words(size) * size.rows()],
        }
    }

    /// The mask in which a pixel differs from the one above it wherever `changes`, as column and row, names it an odd
    /// number of times. What lies above the first row is not lung.
    ///
    /// # Panics
    /// Where a change lies outside of `size`.
    #[must_use]
    pub fn from_changes(size: Size, changes: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut mask = Self::empty(size);
        let width = row_words(size);
        for (column, row) in changes {
            assert!(column < size.columns(), "a change lies within the mask");
            mask.words[row * width + column / WORD] ^= 1 << (column % WORD);
        }
        for index in width..mask.words.len() {
            mask.words[index] ^= mask.words[index - width];
        }
        mask
    }

    /// The mask's size, which is its film's.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// A row, counted from the top.
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> Row<'_> {
        let width = row_words(self.size);
        Row {
            words: &self.words[row * width..][..width],
            width: self.size.columns(),
        }
    }

    /// The rows, top to bottom.
    #[must_use]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.size.rows()).map(move |row| self.row(row))
    }

    /// The pixels, row by row.
    pub fn pixels(&self) -> impl Iterator<Item = bool> {
        self.rows().flat_map(Row::pixels)
    }

    /// Makes some neighbouring pixels of a row lung.
    ///
    /// # Panics
    /// Where they lie outside of the mask.
    pub fn fill(&mut self, row: usize, columns: Range<usize>) {
        if columns.is_empty() {
            return;
        }
        assert!(
            columns.end <= self.size.columns(),
            "what is filled lies within the mask"
        );
        let width = row_words(self.size);
        let words = &mut self.words[row * width..][..width];
        for (index, bits) in words_of(columns) {
            words[index] |= bits;
        }
    }

    /// Number of lung pixels.
    #[must_use]
    pub fn area_px(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// Number of pixels that are lung in both masks, or `None` where they are of different sizes.
    #[must_use]
    pub fn shared_px(&self, other: &Self) -> Option<u64> {
        let pairs = self.words.iter().zip(&other.words);
        (self.size == other.size).then(|| pairs.map(|(a, b)| u64::from((a & b).count_ones())).sum())
    }

    /// What at least one of two masks calls lung, or `None` where they are of different sizes.
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

    /// What this mask calls lung and the other does not, or `None` where they are of different sizes.
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

    /// The mask with each of its pixels drawn out to a square: `before` pixels to the left and up, `after` to the right
    /// and down, as far as the mask reaches.
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

    /// The mask's border: its pixels with at least one of their four neighbours outside, where what lies beyond the film
    /// is outside.
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

impl<'a> Row<'a> {
    /// Whether a pixel is lung.
    ///
    /// # Panics
    /// Where the row has no such column.
    #[must_use]
    pub fn get(self, column: usize) -> bool {
        assert!(column < self.width, "a column lies within its row");
        self.words[column / WORD] >> (column % WORD) & 1 == 1
    }

    /// The pixels, left to right.
    pub fn pixels(self) -> impl Iterator<Item = bool> + 'a {
        (0..self.width).map(move |column| self.words[column / WORD] >> (column % WORD) & 1 == 1)
    }

    /// The columns of lung, left to right, as runs that don't touch.
    pub fn runs(self) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = self.next(from, true)?;
            from = self.next(start, false).unwrap_or(self.width);
            Some(start..from)
        })
    }

    /// The runs, each drawn out at both ends as far as the row reaches, those that then touch made one.
    fn widened_runs(self, before: usize, after: usize) -> impl Iterator<Item = Range<usize>> + 'a {
        let width = self.width;
        let wide =
            move |run: Range<usize>| run.start.saturating_sub(before)..width.min(run.end + after);
        let mut runs = self.runs().map(wide).peekable();
        std::iter::from_fn(move || {
            let mut run = runs.next()?;
            while let Some(next) = runs.next_if(|next| next.start <= run.end) {
                run.end = next.end;
            }
            Some(run)
        })
    }

    /// Number of lung pixels among some columns.
    ///
    /// # Panics
    /// Where the row does not have them all.
    #[must_use]
    pub fn area_px(self, columns: Range<usize>) -> u64 {
        assert!(columns.end <= self.width, "columns lie within their row");
        words_of(columns)
            .map(|(index, bits)| u64::from((self.words[index] & bits).count_ones()))
            .sum()
    }

    /// Those of `columns` at which this row and another of the same mask differ, left to right.
    ///
    /// # Panics
    /// Where the row does not have them all.
    pub fn differences(self, other: Self, columns: Range<usize>) -> impl Iterator<Item = usize> {
        assert!(columns.end <= self.width, "columns lie within their row");
        words_of(columns).flat_map(move |(index, bits)| {
            let mut differing = (self.words[index] ^ other.words[index]) & bits;
            std::iter::from_fn(move || {
                let bit = differing.trailing_zeros();
                differing &= differing.checked_sub(1)?;
                Some(index * WORD + bit as usize)
            })
        })
    }

    /// The first column from `from` on that is lung, or that is not.
    fn next(self, from: usize, lung: bool) -> Option<usize> {
        let wanted = |word: &u64| if lung { *word } else { !*word };
        let mut index = from / WORD;
        let mut word = wanted(self.words.get(index)?) & (u64::MAX << (from % WORD));
        while word == 0 {
            index += 1;
            word = wanted(self.words.get(index)?);
        }
        let found = index * WORD + word.trailing_zeros() as usize;
        (found < self.width).then_some(found)
    }
}

/// Words in a row.
fn row_words(size: Size) -> usize {
    size.columns().div_ceil(WORD)
}

/// The words that some columns lie in, each with their bits.
fn words_of(columns: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    let Range { start, end } = columns;
    let words = if start < end {
        start / WORD..end.div_ceil(WORD)
    } else {
        0..0
    };
    words.map(move |index| {
        let first = start.saturating_sub(index * WORD);
        let beyond = WORD.saturating_sub(end - index * WORD);
        (index, u64::MAX << first & u64::MAX >> beyond)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).expect("a test's mask has pixels")
    }

    fn columns(width: u32, lung: impl Fn(usize) -> bool) -> Mask {
        Mask::new(size(width, 1), (0..width as usize).map(lung)).expect("a pixel for each column")
    }

    #[test]
    fn a_mask_has_as_many_pixels_as_its_size() {
        assert!(Mask::new(size(2, 3), vec![false; 5]).is_none());
        assert!(Mask::new(size(2, 3), vec![false; 7]).is_none());
        let mask = Mask::new(size(3, 2), [true, false, true, false, false, true]).unwrap();
        assert_eq!(mask.area_px(), 3);
        assert_eq!(
            mask.pixels().collect::<Vec<_>>(),
            [true, false, true, false, false, true]
        );
        let runs: Vec<_> = mask.rows().flat_map(Row::runs).collect();
        assert_eq!(runs, [0..1, 2..3, 2..3]);
    }

    #[test]
    fn runs_end_where_they_end() {
        for width in [1, 63, 64, 65, 128, 200] {
            for end in [1, 62, 63, 64, 65, 127, 128, 129, 200] {
                let row = columns(width, |x| x < end);
                let expected = 0..end.min(width as usize);
                assert_eq!(
                    row.row(0).runs().collect::<Vec<_>>(),
                    [expected],
                    "{end} of {width}"
                );
            }
            assert_eq!(columns(width, |_| false).row(0).runs().count(), 0);
        }
    }

    #[test]
    fn a_change_lasts_until_the_next() {
        let mask = Mask::from_changes(size(70, 4), [(69, 1), (69, 3), (0, 0), (5, 2), (5, 2)]);
        let runs: Vec<_> = mask.rows().flat_map(Row::runs).collect();
        assert_eq!(runs, [0..1, 0..1, 69..70, 0..1, 69..70, 0..1]);
    }

    prop_compose! {
        fn any_mask()(width in 1_u32..200, height in 1_u32..8)
            (pixels in prop::collection::vec(any::<bool>(), (width * height) as usize), width in Just(width),
             height in Just(height)) -> (Mask, Vec<bool>)
        {
            (Mask::new(size(width, height), pixels.clone()).expect("as many pixels as the size has"), pixels)
        }
    }

    proptest! {
        #[test]
        fn it_is_what_its_pixels_are((mask, pixels) in any_mask(), from in 0_usize..200, to in 0_usize..200) {
            let width = mask.size().columns();
            prop_assert_eq!(mask.pixels().collect::<Vec<_>>(), pixels.clone());
            let mut filled = Mask::empty(mask.size());
            for (y, (row, expected)) in mask.rows().zip(pixels.chunks(width)).enumerate() {
                row.runs().for_each(|run| filled.fill(y, run));
                prop_assert!(expected.iter().enumerate().all(|(x, &lung)| row.get(x) == lung));
                let part = from.min(width)..to.min(width);
                let among = part.clone().filter(|&x| expected[x]).count() as u64;
                prop_assert_eq!(row.area_px(part.clone()), among);
                let differing: Vec<_> = row.differences(mask.row(0), part.clone()).collect();
                prop_assert_eq!(differing, part.filter(|&x| expected[x] != pixels[x]).collect::<Vec<_>>());
            }
            prop_assert_eq!(filled, mask.clone());
            prop_assert_eq!(mask.shared_px(&mask), Some(mask.area_px()));
            prop_assert_eq!(Mask::empty(mask.size()).union(&mask), Some(mask));
        }

        #[test]
        fn widened_it_is_a_square_around_each_pixel(
            (mask, pixels) in any_mask(), before in 0_usize..70, after in 0_usize..70
        ) {
            // Few pixels, so that not all is covered.
            let sparse = pixels.iter().enumerate().map(|(at, &lung)| lung && at % 37 == 0);
            let (width, height) = (mask.size().columns(), mask.size().rows());
            let mask = Mask::new(mask.size(), sparse).unwrap();
            let reached = |at: usize| {
                let (x, y) = (at % width, at / width);
                let lung = |y: usize| mask.row(y).runs().any(|run| run.start <= x + before && x < run.end + after);
                (y.saturating_sub(after)..height.min(y + before + 1)).any(lung)
            };
            let expected = (0..width * height).map(reached);
            prop_assert_eq!(mask.widened(before, after), Mask::new(mask.size(), expected).unwrap());
        }

        #[test]
        fn its_border_is_what_its_neighbours_say((mask, pixels) in any_mask()) {
            let (width, height) = (mask.size().columns(), mask.size().rows());
            let lung = |x: usize, y: usize| x < width && y < height && pixels[y * width + x];
            let border = |x: usize, y: usize| {
                let sides = lung(x.wrapping_sub(1), y) && lung(x + 1, y);
                lung(x, y) && !(sides && lung(x, y.wrapping_sub(1)) && lung(x, y + 1))
            };
            let expected = (0..width * height).map(|at| border(at % width, at / width));
            prop_assert_eq!(mask.border(), Mask::new(mask.size(), expected).unwrap());
        }
    }
}
