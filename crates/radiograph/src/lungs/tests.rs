//! Tests of the separation of masks into lungs.

use super::{BoundingBox, Lung, Lungs, Side};
use crate::geometry::Size;
use crate::mask::Mask;
use crate::radiograph::PixelSpacing;

/// An ellipse on a film, in pixels.
#[derive(Clone, Copy)]
struct Ellipse {
    x: f64,
    y: f64,
    radius_x: f64,
    radius_y: f64,
}

impl Ellipse {
    fn contains(self, x: f64, y: f64) -> bool {
        ((x - self.x) / self.radius_x).powi(2) + ((y - self.y) / self.radius_y).powi(2) <= 1.0
    }
}

const fn ellipse(x: f64, y: f64, radius_x: f64, radius_y: f64) -> Ellipse {
    Ellipse {
        x,
        y,
        radius_x,
        radius_y,
    }
}

/// Draws the mask of a square film of 200 pixels a side with these ellipses.
fn ellipses(ellipses: &[Ellipse]) -> Mask {
    let size = square(200);
    let inside = |index: usize| {
        let (x, y) = (index % size.columns(), index / size.columns());
        ellipses
            .iter()
            .any(|ellipse| ellipse.contains(x as f64, y as f64))
    };
    Mask::new(size, (0..size.pixels()).map(inside)).expect("as many pixels as the size has")
}

fn square(side: u32) -> Size {
    Size::square(side).expect("there are pixels")
}

/// Finds the lungs, and checks that the masks of both sides are disjoint and make the whole mask.
fn sides(mask: &Mask) -> (Lungs, [Mask; 2]) {
    let lungs = Lungs::of(mask);
    let masks = Side::BOTH.map(|side| lungs.lung_mask(side));
    assert_eq!(masks[0].shared_px(&masks[1]), Some(0));
    assert_eq!(masks[0].clone().union(&masks[1]).as_ref(), Some(mask));
    for lung in lungs.iter() {
        assert_eq!(lung.area_px(), lungs.lung_mask(lung.side()).area_px());
    }
    (lungs, masks)
}

const RIGHT: Ellipse = ellipse(60.0, 100.0, 30.0, 70.0);
const LEFT: Ellipse = ellipse(140.0, 105.0, 28.0, 66.0);

#[test]
fn the_right_lung_is_on_the_left_of_the_film() {
    let (lungs, masks) = sides(&ellipses(&[RIGHT, LEFT]));
    assert!(!lungs.touch());
    assert_eq!(masks, [ellipses(&[RIGHT]), ellipses(&[LEFT])]);
    let boxes: Vec<_> = lungs
        .iter()
        .map(|lung| (lung.side(), lung.bounding_box()))
        .collect();
    let right = (Side::Right, BoundingBox([30, 30, 61, 141]));
    assert_eq!(
        boxes,
        [right, (Side::Left, BoundingBox([112, 39, 57, 133]))]
    );
}

#[test]
fn small_components_belong_to_the_nearer_lung() {
    let specks = [
        ellipse(10.0, 190.0, 3.0, 3.0),
        ellipse(120.0, 10.0, 3.0, 3.0),
    ];
    let (_, masks) = sides(&ellipses(&[RIGHT, specks[0], LEFT, specks[1]]));
    assert_eq!(masks[0], ellipses(&[RIGHT, specks[0]]));
    assert_eq!(masks[1], ellipses(&[LEFT, specks[1]]));
}

#[test]
fn a_lung_in_two_pieces_is_one_lung() {
    let pieces = [
        ellipse(60.0, 60.0, 30.0, 35.0),
        ellipse(64.0, 140.0, 28.0, 35.0),
    ];
    let (lungs, _) = sides(&ellipses(&pieces));
    assert_eq!(
        lungs.iter().map(Lung::side).collect::<Vec<_>>(),
        [Side::Right]
    );
    let (_, masks) = sides(&ellipses(&[pieces[0], pieces[1], LEFT]));
    assert_eq!(masks[0], ellipses(&pieces));
}

#[test]
fn both_pieces_of_a_lung_may_be_larger_than_the_other_lung() {
    let pieces = [
        ellipse(60.0, 60.0, 30.0, 35.0),
        ellipse(64.0, 140.0, 28.0, 35.0),
    ];
    let small = ellipse(140.0, 105.0, 15.0, 25.0);
    let (_, masks) = sides(&ellipses(&[pieces[0], pieces[1], small]));
    assert_eq!(masks, [ellipses(&pieces), ellipses(&[small])]);
}

#[test]
fn merged_lungs_are_cut_between_them() {
    let bridge = ellipse(100.0, 100.0, 25.0, 5.0);
    let (lungs, masks) = sides(&ellipses(&[RIGHT, LEFT, bridge]));
    assert_eq!((lungs.iter().len(), lungs.touch()), (2, true));
    for (mask, own) in masks.iter().zip([RIGHT, LEFT]) {
        let own = ellipses(&[own]);
        assert_eq!(own.shared_px(mask), Some(own.area_px()));
    }
}

#[test]
fn a_single_lung_is_named_after_its_half_of_the_film() {
    for (lung, side) in [(RIGHT, Side::Right), (LEFT, Side::Left)] {
        let (lungs, _) = sides(&ellipses(&[lung]));
        assert_eq!(lungs.iter().map(Lung::side).collect::<Vec<_>>(), [side]);
        assert!(lungs.get(side).is_some());
    }
}

#[test]
fn an_empty_mask_has_no_lung() {
    let (lungs, masks) = sides(&Mask::empty(square(50)));
    assert_eq!(lungs.iter().len(), 0);
    assert_eq!(masks[0], Mask::empty(square(50)));
}

#[test]
fn masks_of_any_shape_are_separated() {
    for (width, height) in [(1, 1), (1, 40), (40, 1), (2, 2), (3, 3), (5, 2)] {
        let size = Size::new(width, height).unwrap();
        for step in 1..7 {
            let pixels = (0..size.pixels()).map(|index| index % step == 0 || index % 5 == 1);
            sides(&Mask::new(size, pixels).unwrap());
        }
    }
}

#[test]
fn an_area_is_in_square_millimetres_of_the_film() {
    let lungs = Lungs::of(&Mask::new(square(2), vec![true, false, true, false]).unwrap());
    let area = lungs
        .get(Side::Right)
        .unwrap()
        .area_mm2(PixelSpacing::new(0.5, 0.25).unwrap());
    assert!((area - 0.25).abs() < 1e-9);
}

#[test]
fn sides_and_boxes_have_their_documented_json_form() {
    assert_eq!(
        serde_json::to_string(&[Side::Right, Side::Left]).unwrap(),
        r#"["right","left"]"#
    );
    assert_eq!(
        serde_json::to_string(&BoundingBox([310, 240, 620, 1310])).unwrap(),
        "[310,240,620,1310]"
    );
}
