//! Decides how a mask is written as COCO run lengths, and which run lengths are accepted as a mask.
//!
//! The pixels are walked column by column, top to bottom, and the lengths of the runs of equal pixels are counted:
//! first the pixels that are not lung (0 where the walk begins with lung), then those that are, and so on in turn.
//! The compressed form is that of pycocotools: from the fourth count on, the difference to the count two before it
//! takes its place, and the numbers become characters.

mod error;
mod json;
mod text;

pub use error::RleError;
pub use json::{Counts, Encoded, from_json};

use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

/// Columns encoded side by side: whole words of a row, and few enough of them to keep their lists of changes in the cache.
const BAND: usize = 256;

/// The run lengths of a mask, which add up to exactly its pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rle {
    size: Size,
    counts: Vec<u32>,
}

impl Rle {
    /// The runs of `mask`.
    ///
    /// A run ends where a pixel differs from the one before it in the walk. Those places are found by comparing whole
    /// rows with the row above, a band of columns at a time; the top of a column follows the foot of the one before.
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

    /// Runs of `size`, or why they are none.
    pub fn new(size: Size, counts: Vec<u32>) -> Result<Self, RleError> {
        let mut tally = Tally::new(size);
        counts.iter().try_for_each(|&count| tally.add(count))?;
        tally.finish()?;
        Ok(Self { size, counts })
    }

    /// Runs of `size` from pycocotools' compressed form, or why they are none.
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

    /// The size of the mask.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The lengths of the runs, the first of pixels that are not lung.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Number of lung pixels.
    #[must_use]
    pub fn area_px(&self) -> u64 {
        self.counts
            .iter()
            .skip(1)
            .step_by(2)
            .map(|&count| u64::from(count))
            .sum()
    }

    /// The mask that the runs describe.
    ///
    /// Where a run begins or ends within a column, the mask changes from one row to the next.
    #[must_use]
    pub fn to_mask(&self) -> Mask {
        Mask::from_changes(
            self.size,
            self.lung_runs()
                .flat_map(|run| ends_in_columns(self.size, run)),
        )
    }

    /// The counts in pycocotools' compressed form.
    #[must_use]
    pub fn to_compressed(&self) -> String {
        let mut text = String::with_capacity(self.counts.len() * 2);
        for (index, &count) in self.counts.iter().enumerate() {
            text::push_number(&mut text, i64::from(count) - base(&self.counts[..index]));
        }
        text
    }

    /// The lung runs as positions in the walk.
    fn lung_runs(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
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

/// What the compressed form takes off the count that follows `counts`.
fn base(counts: &[u32]) -> i64 {
    if counts.len() > 2 {
        i64::from(counts[counts.len() - 2])
    } else {
        0
    }
}

/// Notes, for each column of the band, the rows whose pixel differs from the one before it in the walk.
fn collect_changes(mask: &Mask, columns: std::ops::Range<usize>, changes: &mut [Vec<u32>]) {
    let (top, foot) = (mask.row(0), mask.row(mask.size().rows() - 1));
    for (column, rows) in columns.clone().zip(changes.iter_mut()) {
        // Before the top of a column comes the foot of the one to its left, and before the first of all, not lung.
        if top.get(column) != column.checked_sub(1).is_some_and(|left| foot.get(left)) {
            rows.push(0);
        }
    }
    for (row, (above, here)) in (1_u32..).zip(mask.rows().zip(mask.rows().skip(1))) {
        here.differences(above, columns.clone())
            .for_each(|column| changes[column - columns.start].push(row));
    }
}

/// Where the columns that a run of the walk passes through become lung and cease to be, as column and row.
fn ends_in_columns(
    size: Size,
    run: std::ops::Range<usize>,
) -> impl Iterator<Item = (usize, usize)> {
    let rows = size.rows();
    (run.start / rows..run.end.div_ceil(rows)).flat_map(move |column| {
        let first = run.start.saturating_sub(column * rows);
        let after = (run.end - column * rows).min(rows);
        let end = (after < rows).then_some((column, after));
        std::iter::once((column, first)).chain(end)
    })
}

/// Turns the positions at which runs end into their lengths.
#[derive(Default)]
struct RunEnds {
    counts: Vec<u32>,
    last: u64,
}

impl RunEnds {
    /// Ends the current run before `position`. One that is longer than a count can say is continued after an empty
    /// run of the other kind.
    fn push(&mut self, position: u64) {
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

/// The running sum of counts, held against the pixels of a size so that bad runs are refused at the first surplus.
struct Tally {
    pixels: u64,
    total: u64,
    runs: u64,
}

impl Tally {
    fn new(size: Size) -> Self {
        Self {
            pixels: size.pixels() as u64,
            total: 0,
            runs: 0,
        }
    }

    fn add(&mut self, count: u32) -> Result<(), RleError> {
        let pixels = self.pixels;
        self.runs += 1;
        // One run a pixel, and the empty one with which a walk that begins with lung is opened.
        if self.runs > pixels.saturating_add(1) {
            return Err(RleError::TooManyCounts { pixels });
        }
        self.total = self.total.saturating_add(u64::from(count));
        if self.total > pixels {
            Err(RleError::WrongSum { pixels })
        } else {
            Ok(())
        }
    }

    fn finish(self) -> Result<(), RleError> {
        let pixels = self.pixels;
        if self.total == pixels {
            Ok(())
        } else {
            Err(RleError::WrongSum { pixels })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Fixtures {
        masks: Vec<Fixture>,
    }

    #[derive(Deserialize)]
    struct Fixture {
        name: String,
        size: [u32; 2],
        counts: String,
        area: u64,
        plain: Option<Vec<u32>>,
        packed: Option<String>,
    }

    impl Fixture {
        fn all() -> Vec<Self> {
            let text = include_str!("../../tests/fixtures/rle/pycocotools.json");
            serde_json::from_str::<Fixtures>(text)
                .expect("the generator writes this form")
                .masks
        }

        fn size(&self) -> Size {
            Size::new(self.size[1], self.size[0]).expect("the generator makes no empty size")
        }

        fn mask(&self) -> Option<Mask> {
            let digits = self.packed.as_ref()?.chars();
            let bits = digits.flat_map(|digit| {
                let digit = digit
                    .to_digit(16)
                    .expect("the generator writes hexadecimal");
                (0..4).rev().map(move |bit| digit >> bit & 1 == 1)
            });
            Mask::new(self.size(), bits.take(self.size().pixels()))
        }
    }

    fn mask(rows: &[&str]) -> Mask {
        let pixels = |length: usize| u32::try_from(length).expect("a test's mask is small");
        let size =
            Size::new(pixels(rows[0].len()), pixels(rows.len())).expect("a test's mask has pixels");
        let pixels = rows
            .iter()
            .flat_map(|row| row.chars())
            .map(|pixel| pixel == '1');
        Mask::new(size, pixels).expect("the rows of a test's mask are equally long")
    }

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).expect("a test's size has pixels")
    }

    #[test]
    fn the_worked_example_is_written_as_coco_writes_it() {
        let rle = Rle::of(&mask(&["00000", "01010", "01011", "00001"]));
        assert_eq!(rle.counts(), [5, 2, 6, 2, 3, 2]);
        assert_eq!(rle.to_compressed(), "5260M0");
    }

    #[test]
    fn masks_are_written_as_pycocotools_writes_them() {
        let mut seen = 0;
        for fixture in Fixture::all() {
            let Some(mask) = fixture.mask() else { continue };
            let rle = Rle::of(&mask);
            assert_eq!(
                Some(rle.counts()),
                fixture.plain.as_deref(),
                "{}",
                fixture.name
            );
            assert_eq!(rle.to_compressed(), fixture.counts, "{}", fixture.name);
            seen += 1;
        }
        assert!(seen >= 39, "only {seen} fixtures hold a mask");
    }

    #[test]
    fn masks_are_read_as_pycocotools_wrote_them() {
        for fixture in Fixture::all() {
            let rle = Rle::from_compressed(fixture.size(), &fixture.counts).unwrap();
            assert_eq!(rle.area_px(), fixture.area, "{}", fixture.name);
            let decoded = rle.to_mask();
            assert_eq!(decoded.area_px(), fixture.area, "{}", fixture.name);
            assert!(
                fixture.mask().is_none_or(|mask| mask == decoded),
                "{}",
                fixture.name
            );
            assert_eq!(Rle::of(&decoded), rle, "{}", fixture.name);
            assert_eq!(rle.to_compressed(), fixture.counts, "{}", fixture.name);
        }
    }

    #[test]
    fn empty_runs_in_the_middle_change_nothing() {
        let rle = Rle::new(size(2, 3), vec![1, 2, 0, 1, 0, 0, 2]).unwrap();
        assert_eq!(rle.to_mask(), mask(&["01", "10", "10"]));
    }

    #[test]
    fn counts_that_do_not_add_up_to_the_pixels_are_refused() {
        let pixels = 6;
        for counts in [vec![], vec![5], vec![3, 4], vec![u32::MAX, u32::MAX, 8]] {
            assert_eq!(
                Rle::new(size(2, 3), counts),
                Err(RleError::WrongSum { pixels })
            );
        }
        assert_eq!(
            Rle::new(size(2, 3), vec![0; 64]),
            Err(RleError::TooManyCounts { pixels })
        );
    }

    #[test]
    fn bad_compressed_counts_are_refused_for_what_is_wrong_with_them() {
        let refusal = |text| Rle::from_compressed(size(5, 4), text).unwrap_err();
        assert_eq!(refusal(""), RleError::WrongSum { pixels: 20 });
        assert_eq!(refusal("52"), RleError::WrongSum { pixels: 20 });
        assert_eq!(refusal("5260M0P"), RleError::Truncated);
        assert_eq!(refusal("52 0M0"), RleError::BadCharacter { position: 2 });
        assert_eq!(refusal("52p0M0"), RleError::BadCharacter { position: 2 });
        assert_eq!(refusal("526é"), RleError::BadCharacter { position: 3 });
        assert_eq!(refusal("5O60M0"), RleError::CountOutOfRange { index: 1 });
        assert_eq!(refusal("526@"), RleError::CountOutOfRange { index: 3 });
        assert_eq!(
            refusal("oooooooooooooooooooooo0"),
            RleError::CountOutOfRange { index: 0 }
        );
        assert_eq!(
            refusal("00000000000000000000000"),
            RleError::TooManyCounts { pixels: 20 }
        );
    }

    #[test]
    fn a_run_too_long_for_a_count_goes_on_after_an_empty_one() {
        let mut ends = RunEnds::default();
        for position in [3, 10_000_000_000, 10_000_000_001] {
            ends.push(position);
        }
        let rest = u32::try_from(10_000_000_000 - 3 - 2 * u64::from(u32::MAX)).unwrap();
        assert_eq!(ends.counts, [3, u32::MAX, 0, u32::MAX, 0, rest, 1]);
    }

    prop_compose! {
        fn any_mask()(width in 1_u32..600, height in 1_u32..40)
            (pixels in prop::collection::vec(any::<bool>(), size(width, height).pixels()), width in Just(width))
            -> Mask
        {
            let height = u32::try_from(pixels.len()).expect("a test's mask is small") / width;
            Mask::new(size(width, height), pixels).expect("as many pixels as the size has")
        }
    }

    proptest! {
        #[test]
        fn every_mask_survives_both_forms(mask in any_mask()) {
            let rle = Rle::of(&mask);
            let read = Rle::from_compressed(mask.size(), &rle.to_compressed());
            prop_assert_eq!(read.as_ref(), Ok(&rle));
            prop_assert_eq!(rle.area_px(), mask.area_px());
            prop_assert_eq!(Rle::new(rle.size(), rle.counts().to_vec()), Ok(rle.clone()));
            prop_assert_eq!(rle.to_mask(), mask);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".*", width in 1_u32..9, height in 1_u32..9) {
            if let Ok(rle) = Rle::from_compressed(size(width, height), &text) {
                prop_assert_eq!(rle.to_mask().size(), size(width, height));
            }
        }

        #[test]
        fn no_text_of_the_right_characters_makes_the_reader_panic(text in "[0-o]{0,40}") {
            if let Ok(rle) = Rle::from_compressed(size(30, 30), &text) {
                prop_assert_eq!(rle.to_mask().area_px(), rle.area_px());
            }
        }
    }
}
