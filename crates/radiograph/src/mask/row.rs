//! Reads a row of a mask, 64 pixels at a time.

use std::ops::Range;

/// The number of pixels in a word.
pub(super) const WORD: usize = u64::BITS as usize;

/// A row of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    words: &'a [u64],
    width: usize,
}

impl<'a> Row<'a> {
    /// Creates a row of `width` pixels. Bits of `words` beyond the width are 0.
    pub(super) fn new(words: &'a [u64], width: usize) -> Self {
        Self { words, width }
    }

    /// Returns whether a pixel is lung.
    ///
    /// # Panics
    ///
    /// Panics if the row has no such column.
    #[must_use]
    pub fn get(self, column: usize) -> bool {
        assert!(column < self.width, "a column is within its row");
        self.words[column / WORD] >> (column % WORD) & 1 == 1
    }

    /// Returns the pixels, from left to right.
    pub fn pixels(self) -> impl Iterator<Item = bool> + 'a {
        (0..self.width).map(move |column| self.words[column / WORD] >> (column % WORD) & 1 == 1)
    }

    /// Returns the columns of the lung pixels, from left to right, as runs that do not touch.
    pub fn runs(self) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = self.next(from, true)?;
            from = self.next(start, false).unwrap_or(self.width);
            Some(start..from)
        })
    }

    /// Returns the runs, each extended by `before` and `after` pixels within the row. Runs that
    /// touch then are merged.
    pub(super) fn widened_runs(
        self,
        before: usize,
        after: usize,
    ) -> impl Iterator<Item = Range<usize>> + 'a {
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

    /// Returns the number of lung pixels in `columns`.
    ///
    /// # Panics
    ///
    /// Panics if `columns` is not within the row.
    #[must_use]
    pub fn area_px(self, columns: Range<usize>) -> u64 {
        assert!(columns.end <= self.width, "columns are within their row");
        words_of(columns)
            .map(|(index, bits)| u64::from((self.words[index] & bits).count_ones()))
            .sum()
    }

    /// Returns those of `columns` at which this row and another row of the same mask differ, from
    /// left to right.
    ///
    /// # Panics
    ///
    /// Panics if `columns` is not within the row.
    pub fn differences(self, other: Self, columns: Range<usize>) -> impl Iterator<Item = usize> {
        assert!(columns.end <= self.width, "columns are within their row");
        words_of(columns).flat_map(move |(index, bits)| {
            let mut differing = (self.words[index] ^ other.words[index]) & bits;
            std::iter::from_fn(move || {
                let bit = differing.trailing_zeros();
                differing &= differing.checked_sub(1)?;
                Some(index * WORD + bit as usize)
            })
        })
    }

    /// Returns the first column at or after `from` that is lung or, if `lung` is false, background.
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
/// Returns the index of each word that holds some of `columns`, with the bits of these columns.
pub(super) fn words_of(columns: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
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
