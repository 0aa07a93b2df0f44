//! Finds the outline of a mask, in a width that is visible on its film.

use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

/// Pixels of the longer side for each pixel of an outline's width.
const SIDE_PER_WIDTH: u32 = 512;

/// Returns the width at which an outline is visible on a film of `size`: one pixel per 512 of the longer side, rounded down,
/// at least 1.
#[must_use]
pub fn visible_width(size: Size) -> u32 {
    (size.width().max(size.height()) / SIDE_PER_WIDTH).max(1)
}

/// Returns the outline of `mask`: its border ([`Mask::border`]), thickened to `width` pixels by a square around each pixel.
///
/// An odd square is centred on its pixel; an even one reaches a pixel further right and down. A width of 0 is drawn
/// as 1. The outline of an empty mask is empty.
///
/// ```
/// use lungfield_codec::contour::outline;
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::mask::Mask;
///
/// let full = Mask::new(Size::square(4).unwrap(), [true; 16]).unwrap();
/// assert_eq!(outline(&full, 1).area_px(), 12);
/// ```
#[must_use]
pub fn outline(mask: &Mask, width: u32) -> Mask {
    let before = width.saturating_sub(1) as usize / 2;
    let after = width as usize / 2;
    mask.border().widened(before, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let pixels = |length: usize| u32::try_from(length).expect("a test's mask is small");
        let size =
            Size::new(pixels(rows[0].len()), pixels(rows.len())).expect("a test's mask has pixels");
        let pixels = rows
            .iter()
            .flat_map(|row| row.chars())
            .map(|pixel| pixel == '#');
        Mask::new(size, pixels).expect("the rows of a test's mask are equally long")
    }

    #[test]
    fn the_outline_is_the_masks_own_rim() {
        let drawn = mask(&[".....", ".###.", ".###.", ".###.", "....."]);
        assert_eq!(
            outline(&drawn, 1),
            mask(&[".....", ".###.", ".#.#.", ".###.", "....."])
        );
    }

    #[test]
    fn a_diagonal_neighbour_outside_does_not_make_an_edge() {
        let drawn = mask(&["######", "######", "######", "######", "###..."]);
        assert_eq!(
            outline(&drawn, 1),
            mask(&["######", "#....#", "#....#", "#..###", "###..."])
        );
    }

    #[test]
    fn the_border_of_the_film_is_outside() {
        let drawn = mask(&["####", "####", "####"]);
        assert_eq!(outline(&drawn, 1), mask(&["####", "#..#", "####"]));
    }

    #[test]
    fn films_of_one_row_or_column_are_all_edge() {
        for drawn in [mask(&["##.##"]), mask(&["#", "#", "."]), mask(&["#"])] {
            assert_eq!(outline(&drawn, 1), drawn);
        }
    }

    #[test]
    fn an_odd_width_is_centred_and_an_even_one_reaches_right_and_down() {
        let dot = mask(&[".....", ".....", "..#..", ".....", "....."]);
        assert_eq!(
            outline(&dot, 3),
            mask(&[".....", ".###.", ".###.", ".###.", "....."])
        );
        assert_eq!(
            outline(&dot, 2),
            mask(&[".....", ".....", "..##.", "..##.", "....."])
        );
        assert_eq!(outline(&dot, 0), dot);
    }

    #[test]
    fn a_thick_outline_stays_on_the_film() {
        let dot = mask(&["..", "#.", ".."]);
        assert_eq!(outline(&dot, 100), mask(&["##", "##", "##"]));
    }

    #[test]
    fn an_empty_mask_has_no_outline() {
        let empty = mask(&["....", "...."]);
        assert_eq!(outline(&empty, 3), empty);
    }

    #[test]
    fn the_visible_width_grows_with_the_longer_side() {
        let width = |width, height| visible_width(Size::new(width, height).unwrap());
        assert_eq!(
            [
                width(32, 40),
                width(512, 100),
                width(100, 1024),
                width(4020, 4892)
            ],
            [1, 1, 2, 9]
        );
    }
}
