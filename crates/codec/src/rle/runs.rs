//! Converts between masks and run lengths.

use std::ops::Range;

use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

use super::error::RleError;
use super::tally::Tally;
use super::text;

/// The number of columns that are encoded together: whole words of a row, and few enough that their
/// lists of changes stay in the cache.
const BAND: usize = 256;

/// The run lengths of a mask. They always add up to the number of its pixels.
///
/// # Examples
///
/// ```
/// use lungfield_codec::rle::Rle;
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::mask::Mask;
///
/// // 3 columns and 2 rows, with lung in the middle column and at the bottom right.
/// let size = Size::new(3, 2).expect("neither side is 0");
/// let mask = Mask::new(size, [false, true, false, false, true, true]);
/// let mask = mask.expect("one value for each pixel");
///
/// let rle = Rle::of(&mask);
/// assert_eq!(rle.counts(), [2, 2, 1, 1]);
/// assert_eq!(rle.to_compressed(), "221O");
/// assert_eq!(Rle::from_compressed(size, "221O")?, rle);
/// assert_eq!(rle.to_mask(), mask);
/// # Ok::<(), lungfield_codec::rle::RleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rle {
    size: Size,
    counts: Vec<u32>,
}

impl Rle {
    /// Encodes a mask.
    ///
    /// A run ends where a pixel differs from the previous one in column order. These places are
    /// found by comparing whole rows with the row above, for a band of columns at a time. The pixel
    /// before the top of a column is the bottom of the previous column.
    #[must_use]
    pub fn of(mask: &Mask) -> Self {
        let size = mask.size();
        let mut ends = RunEnds::default();
        let mut changes = vec![Vec::new(); BAND.min(size.columns())];
        for left in (0..size.columns()).step_by(BAND) {
            let right = size.columns().min(left + BAND);
            collect_changes(mask, left..right, &mut changes);
            for (column, rows) in (left..right).zip(&mut changes) {
                let top = column as u64 * u64::from(size.height());
                rows.drain(..)
                    .for_each(|row: u32| ends.push(top + u64::from(row)));
            }
        }
        ends.push(size.pixels() as u64);
        Self {
            size,
            counts: ends.counts,
        }
    }

    /// Creates run lengths from counts.
    ///
    /// # Errors
    ///
    /// Returns an [`RleError`] if the counts do not add up to the pixels of `size`, or if there are
    /// more counts than pixels.
    ///
    /// # Examples
    ///
    /// ```
    /// use lungfield_codec::rle::{Rle, RleError};
    /// use lungfield_radiograph::geometry::Size;
    ///
    /// let size = Size::new(3, 2).expect("neither side is 0");
    /// assert_eq!(Rle::new(size, vec![2, 2, 1, 1])?.area_px(), 3);
    /// assert_eq!(Rle::new(size, vec![2, 2]), Err(RleError::WrongSum { pixels: 6 }));
    /// # Ok::<(), RleError>(())
    /// ```
    pub fn new(size: Size, counts: Vec<u32>) -> Result<Self, RleError> {
        let mut tally = Tally::new(size);
        counts.iter().try_for_each(|&count| tally.add(count))?;
        tally.finish()?;
        Ok(Self { size, counts })
    }

    /// Decodes run lengths from the compressed form of pycocotools.
    ///
    /// # Errors
    ///
    /// Returns an [`RleError`] if the text is malformed, or if its counts do not make a mask of
    /// `size`.
    pub fn from_compressed(size: Size, text: &str) -> Result<Self, RleError> {
        let mut tally = Tally::new(size);
        let mut counts: Vec<u32> = Vec::new();
        let mut numbers = text::Numbers::of(text);
        while let Some(number) = numbers.next(counts.len())? {
            let index = counts.len();
            let count = u32::try_from(base(&counts) + number)
                .map_err(|_| RleError::CountOutOfRange { index })?;
            tally.add(count)?;
            counts.push(count);
        }
        tally.finish()?;
        Ok(Self { size, counts })
    }

    /// Returns the size of the mask.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the lengths of the runs. The first run is background.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Returns the lengths of the runs, without copying them.
    #[must_use]
    pub fn into_counts(self) -> Vec<u32> {
        self.counts
    }

    /// Returns the number of lung pixels.
    #[must_use]
    pub fn area_px(&self) -> u64 {
        self.counts
            .iter()
            .skip(1)
            .step_by(2)
            .map(|&count| u64::from(count))
            .sum()
    }

    /// Decodes the mask.
    #[must_use]
    pub fn to_mask(&self) -> Mask {
        // Where a run begins or ends within a column, the mask changes from one row to the next.
        let changes = self
            .lung_runs()
            .flat_map(|run| ends_in_columns(self.size, run));
        Mask::from_changes(self.size, changes)
    }

    /// Encodes the counts in the compressed form of pycocotools.
    #[must_use]
    pub fn to_compressed(&self) -> String {
        let mut text = String::with_capacity(self.counts.len() * 2);
        for (index, &count) in self.counts.iter().enumerate() {
            text::push_number(&mut text, i64::from(count) - base(&self.counts[..index]));
        }
        text
    }

    /// Returns the runs of lung pixels, as positions in column order.
    fn lung_runs(&self) -> impl Iterator<Item = Range<usize>> {
        let mut end = 0;
        self.counts
            .iter()
            .enumerate()
            .filter_map(move |(index, &count)| {
                let start = end;
                end += count as usize;
                (index % 2 == 1).then_some(start..end)
            })
    }
}

/// Returns the number that the compressed form subtracts from the count after `counts`.
fn base(counts: &[u32]) -> i64 {
    if counts.len() > 2 {
        i64::from(counts[counts.len() - 2])
    } else {
        0
    }
}

/// Collects, for each column of a band, the rows whose pixel differs from the previous one in
/// column order.
fn collect_changes(mask: &Mask, columns: Range<usize>, changes: &mut [Vec<u32>]) {
    let (top, bottom) = (mask.row(0), mask.row(mask.size().rows() - 1));
    for (column, rows) in columns.clone().zip(changes.iter_mut()) {
        // The pixel before the top of a column is the bottom of the column to its left. The pixel
        // before the first column counts as background.
        let before = column.checked_sub(1).is_some_and(|left| bottom.get(left));
        if top.get(column) != before {
            rows.push(0);
        }
    }
    for (row, (above, here)) in (1_u32..).zip(mask.rows().zip(mask.rows().skip(1))) {
        here.differences(above, columns.clone())
            .for_each(|column| changes[column - columns.start].push(row));
    }
}

/// Returns where a run of lung pixels begins and ends in each of its columns, as column and row.
fn ends_in_columns(size: Size, run: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
    let rows = size.rows();
    (run.start / rows..run.end.div_ceil(rows)).flat_map(move |column| {
        let first = run.start.saturating_sub(column * rows);
        let after = (run.end - column * rows).min(rows);
        let end = (after < rows).then_some((column, after));
        std::iter::once((column, first)).chain(end)
    })
}

/// Converts the positions at which runs end into their lengths.
#[derive(Default)]
pub(super) struct RunEnds {
    pub(super) counts: Vec<u32>,
    last: u64,
}

impl RunEnds {
    /// Ends the current run before `position`. A run that is too long for one count continues after
    /// an empty run of the other kind.
    pub(super) fn push(&mut self, position: u64) {
        let mut length = position - self.last;
        self.last = position;
        loop {
            if let Ok(count) = u32::try_from(length) {
                self.counts.push(count);
                return;
            }
            self.counts.extend([u32::MAX, 0]);
            length -= u64::from(u32::MAX);
        }
    }
}
