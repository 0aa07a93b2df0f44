//! Tests of COCO run lengths.

use proptest::prelude::*;
use serde::Deserialize;

use super::runs::RunEnds;
use super::{Rle, RleError};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

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
fn bad_compressed_counts_are_refused_with_the_reason() {
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
