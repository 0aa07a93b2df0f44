//! Tests of masks and their rows.

use proptest::prelude::*;

use super::super::{Mask, Row};
use crate::geometry::Size;

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
fn a_run_ends_at_its_last_lung_pixel() {
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
fn a_change_holds_until_the_next_change() {
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
    fn rows_fills_and_counts_agree_with_the_pixels((mask, pixels) in any_mask(), from in 0_usize..200, to in 0_usize..200) {
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
    fn widening_draws_a_square_around_each_pixel(
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
    fn the_border_follows_from_the_four_neighbours((mask, pixels) in any_mask()) {
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
