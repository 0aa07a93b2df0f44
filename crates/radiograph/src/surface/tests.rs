//! Tests of surface distances.

use proptest::prelude::*;

use super::directed::{Border, Steps, directed};
use super::{SurfaceDistances, quantile};
use crate::geometry::Size;
use crate::mask::Mask;
use crate::radiograph::PixelSpacing;

fn mask(rows: &[&str]) -> Mask {
    let pixels = |length: usize| u32::try_from(length).expect("a test's mask is small");
    let size =
        Size::new(pixels(rows[0].len()), pixels(rows.len())).expect("a test's mask has pixels");
    let lung = rows
        .iter()
        .flat_map(|row| row.chars())
        .map(|pixel| pixel == '#');
    Mask::new(size, lung).expect("the rows of a test's mask are equally long")
}

fn distances(first: &Mask, second: &Mask) -> Option<SurfaceDistances> {
    SurfaceDistances::of(first, second).expect("the masks are of one size")
}

fn is(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

/// Finds every border pixel, as row and column, by looking at its neighbours one by one.
fn plain_border(mask: &Mask) -> Vec<(f64, f64)> {
    let (columns, rows) = (mask.size().columns(), mask.size().rows());
    let lung = |x: usize, y: usize| x < columns && y < rows && mask.row(y).get(x);
    let beside = [(0, 1), (2, 1), (1, 0), (1, 2)];
    let inner = |x: usize, y: usize| {
        beside
            .iter()
            .all(|(dx, dy)| lung((x + dx).wrapping_sub(1), (y + dy).wrapping_sub(1)))
    };
    let all = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
    all.filter(|&(x, y)| lung(x, y) && !inner(x, y))
        .map(|(x, y)| (y as f64, x as f64))
        .collect()
}

/// Computes both lists of directed distances by comparing every pixel with every other.
fn brute_force(first: &Mask, second: &Mask, steps: Steps) -> [Vec<f64>; 2] {
    let [first, second] = [first, second].map(plain_border);
    [(&first, &second), (&second, &first)].map(|(from, to)| {
        let apart = |a: &(f64, f64), b: &(f64, f64)| {
            ((a.0 - b.0) * steps.row).hypot((a.1 - b.1) * steps.column)
        };
        let nearest = from
            .iter()
            .map(|a| to.iter().map(|b| apart(a, b)).fold(f64::MAX, f64::min));
        let mut nearest: Vec<f64> = nearest.collect();
        nearest.sort_by(f64::total_cmp);
        nearest
    })
}

#[test]
fn the_distance_of_two_pixels_is_euclidean() {
    let (first, second) = (
        mask(&["#....", ".....", ".....", "....."]),
        mask(&[".....", ".....", ".....", "....#"]),
    );
    let found = distances(&first, &second).unwrap();
    is(found.hausdorff_95(), 5.0);
    is(found.mean(), 5.0);
}

#[test]
fn the_mean_takes_both_lists_together_and_the_percentile_the_worse_of_the_two() {
    // From the single pixel: 0. From the bar: 0, 1, 2, 3.
    let (pixel, bar) = (mask(&["#..."]), mask(&["####"]));
    let found = distances(&pixel, &bar).unwrap();
    is(found.mean(), 6.0 / 5.0);
    is(found.hausdorff_95(), 2.85);
}

#[test]
fn inner_pixels_do_not_count() {
    let full = mask(&[".....", ".###.", ".###.", ".###.", "....."]);
    let hollow = mask(&[".....", ".###.", ".#.#.", ".###.", "....."]);
    is(distances(&full, &hollow).unwrap().mean(), 0.0);
}

#[test]
fn the_edge_of_the_film_is_a_border() {
    // All but the middle pixel of the full mask touch the film's edge, and are 1 or √2 from the
    // single pixel.
    let (full, dot) = (mask(&["###", "###", "###"]), mask(&["...", ".#.", "..."]));
    is(
        distances(&full, &dot).unwrap().mean(),
        (4.0 + 4.0 * 2.0_f64.sqrt() + 1.0) / 9.0,
    );
}

#[test]
fn two_empty_masks_agree_and_a_single_empty_mask_has_no_distance() {
    let (empty, dot) = (mask(&["..", ".."]), mask(&["#.", ".."]));
    let both = distances(&empty, &empty).unwrap();
    is(both.hausdorff_95() + both.mean(), 0.0);
    assert_eq!(distances(&empty, &dot), None);
    assert_eq!(distances(&dot, &empty), None);
}

#[test]
fn masks_of_different_sizes_have_no_distance() {
    assert!(SurfaceDistances::of(&mask(&["#"]), &mask(&["##"])).is_err());
}

#[test]
fn millimetres_follow_the_spacing_of_rows_and_columns() {
    let (first, second) = (
        mask(&["#...", "....", "...."]),
        mask(&["....", "....", "...#"]),
    );
    let spacing = PixelSpacing::new(2.0, 0.5).unwrap();
    let found = SurfaceDistances::in_millimetres(&first, &second, spacing)
        .unwrap()
        .unwrap();
    is(found.mean(), 4.0_f64.hypot(1.5));
}

#[test]
fn quantiles_are_interpolated() {
    let values = [0.0, 1.0, 2.0, 3.0];
    for (share, expected) in [(0.0, 0.0), (0.5, 1.5), (0.95, 2.85), (1.0, 3.0)] {
        is(quantile(&values, share), expected);
    }
    is(quantile(&[7.0], 0.3), 7.0);
    is(quantile(&[], 0.3), 0.0);
}

fn two_masks() -> impl Strategy<Value = (Mask, Mask)> {
    (1_u32..12, 1_u32..12, 0.02..0.98_f64, 0.02..0.98_f64).prop_flat_map(|(width, height, a, b)| {
        let size = Size::new(width, height).expect("neither side is 0");
        let drawn = move |share: f64| {
            prop::collection::vec(prop::bool::weighted(share), size.pixels()).prop_map(
                move |pixels| Mask::new(size, pixels).expect("as many pixels as the size has"),
            )
        };
        (drawn(a), drawn(b))
    })
}

proptest! {
    #[test]
    fn distances_are_those_of_every_pixel_compared_with_every_other(
        (first, second) in two_masks(),
        row_mm in 0.1..3.0_f32,
        column_mm in 0.1..3.0_f32,
    ) {
        let steps = Steps { row: row_mm.into(), column: column_mm.into() };
        let borders = [&first, &second].map(Border::of);
        prop_assume!(!borders.iter().any(Border::is_empty));
        let expected = brute_force(&first, &second, steps);
        for (from, expected) in [0, 1].into_iter().zip(expected) {
            let mut found = directed(&borders[from], &borders[1 - from], steps);
            found.sort_by(f64::total_cmp);
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                prop_assert!((found - expected).abs() < 1e-9, "{} {}", found, expected);
            }
        }
    }

    #[test]
    fn the_order_of_the_masks_does_not_matter((first, second) in two_masks()) {
        let [one, other] = [distances(&first, &second), distances(&second, &first)];
        prop_assert_eq!(one.is_some(), other.is_some());
        if let (Some(one), Some(other)) = (one, other) {
            prop_assert!((one.hausdorff_95() - other.hausdorff_95()).abs() < 1e-9);
            prop_assert!((one.mean() - other.mean()).abs() < 1e-9);
        }
    }

    #[test]
    fn a_mask_is_at_no_distance_from_itself((mask, _) in two_masks()) {
        let found = distances(&mask, &mask).expect("both are empty or neither is");
        prop_assert!(found.hausdorff_95().abs() < 1e-12 && found.mean().abs() < 1e-12);
    }
}
