//! Decides which lung of a mask is the right and which the left.
//!
//! Sides are the patient's: the film is seen as if the patient faced the viewer, so the right lung is on the left of
//! the film. Every pixel of the mask belongs to exactly one lung.
//!
//! 1. The mask falls into components (8-connected). Those of at least 8 % of the largest one's area are significant.
//! 2. Ordered from left to right, the significant ones are parted at the widest gap between neighbouring centroids. If
//!    the two groups share at most half of the narrower one's columns, they are the lungs, and every component goes to
//!    the nearer group by its centroid.
//! 3. Otherwise the two lungs may have grown together: where the significant pixels per column have a valley in the
//!    middle third, below 0.6 of the lower of its two shoulders, and are at least 0.7 as wide as high, the mask is cut
//!    at that column.
//! 4. Otherwise there is one lung, named after the half of the film in which its centroid lies.
//!
//! Measured on the 492 training reference masks of the Montgomery and Shenzhen sets: all have two significant
//! components, the smaller one at least 0.10 of the larger, and no two lungs share a column. No lung on its own has a
//! valley below 0.7 of its shoulders. With the space between both lungs closed row by row until they touch, all but
//! one valley lie below 0.54, the whole is at least 0.79 as wide as high, and the cut puts 1.5 % of the pixels on the
//! wrong side at worst, 0.08 % on average.

mod components;
mod territory;
mod warnings;

use serde::Serialize;

pub use territory::territories;
pub use warnings::{Warning, warnings};

use self::components::{Component, Components, Run};
use crate::geometry::Size;
use crate::mask::Mask;
use crate::radiograph::PixelSpacing;

const SIGNIFICANT_SHARE: f64 = 0.08;
const SHARED_COLUMNS: f64 = 0.5;
const VALLEY_DEPTH: f64 = 0.6;
const FUSED_ASPECT: f64 = 0.7;

/// A side of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The patient's right, which is on the left of the film.
    Right,
    /// The patient's left, which is on the right of the film.
    Left,
}

/// The least rectangle around some pixels, as COCO writes it: x, y, width and height in pixels, from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BoundingBox(pub [u32; 4]);

/// One lung, of at least one pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Lung {
    side: Side,
    area_px: u64,
    bounding_box: BoundingBox,
    runs: Vec<Run>,
}

impl Lung {
    /// The lung of these runs, or `None` where there are none.
    fn new(side: Side, runs: Vec<Run>) -> Option<Self> {
        let top = runs.iter().map(|run| run.row).min()?;
        let bottom = runs.iter().map(|run| run.row).max()?;
        let left = runs.iter().map(|run| run.start).min()?;
        let right = runs.iter().map(|run| run.end).max()?;
        let bounding_box = BoundingBox([left, top, right - left, bottom - top + 1]);
        let area_px = runs.iter().map(|run| run.length()).sum();
        Some(Self {
            side,
            area_px,
            bounding_box,
            runs,
        })
    }

    /// Which lung of the patient's it is.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Number of the lung's pixels.
    #[must_use]
    pub fn area_px(&self) -> u64 {
        self.area_px
    }

    /// The area on the film, in square millimetres; what it is in the patient depends on the projection.
    #[must_use]
    pub fn area_mm2(&self, spacing: PixelSpacing) -> f64 {
        self.area_px as f64 * spacing.pixel_area_mm2()
    }

    /// The least rectangle around the lung.
    #[must_use]
    pub fn bounding_box(&self) -> BoundingBox {
        self.bounding_box
    }
}

/// The lungs of a mask: none, one or two, the right one first.
#[derive(Clone, Debug, PartialEq)]
pub struct Lungs {
    film: Size,
    found: Vec<Lung>,
    touch: bool,
}

impl Lungs {
    /// Parts `mask` into its lungs, as the module's documentation says.
    #[must_use]
    pub fn of(mask: &Mask) -> Self {
        let found = Components::of(mask);
        let Parted { right, left, touch } = part(&found, mask.size());
        let lungs = [Lung::new(Side::Right, right), Lung::new(Side::Left, left)];
        Self {
            film: mask.size(),
            found: lungs.into_iter().flatten().collect(),
            touch,
        }
    }

    /// Whether the lungs had grown together and were cut apart.
    #[must_use]
    pub fn touch(&self) -> bool {
        self.touch
    }

    /// The size of the film.
    #[must_use]
    pub fn film(&self) -> Size {
        self.film
    }

    /// The lungs that there are, the right one first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Lung> {
        self.found.iter()
    }

    /// The lung of one side, or `None` where the mask has none there.
    #[must_use]
    pub fn get(&self, side: Side) -> Option<&Lung> {
        self.found.iter().find(|lung| lung.side == side)
    }

    /// The mask of one lung, of the film's size: empty where there is none. The masks of both sides are disjoint, and
    /// together they are the whole mask.
    #[must_use]
    pub fn lung_mask(&self, side: Side) -> Mask {
        let runs = self.get(side).map_or(&[][..], |lung| &lung.runs);
        painted(self.film, runs)
    }
}

fn painted(film: Size, runs: &[Run]) -> Mask {
    let mut mask = Mask::empty(film);
    for run in runs {
        mask.fill(run.row as usize, run.start as usize..run.end as usize);
    }
    mask
}

/// The runs of the right and of the left lung.
struct Parted {
    right: Vec<Run>,
    left: Vec<Run>,
    /// Whether some component was cut.
    touch: bool,
}

fn part(found: &Components, film: Size) -> Parted {
    let is_significant = significance(&found.parts);
    if let Some(groups) = two_groups(
        found
            .parts
            .iter()
            .copied()
            .filter(&is_significant)
            .collect(),
    ) {
        return by_component(found, groups);
    }
    let labelled = found.runs.iter().zip(&found.labels);
    let significant = labelled.filter(|&(_, &label)| is_significant(&found.parts[label]));
    let column = valley(&significant.map(|(&run, _)| run).collect::<Vec<_>>());
    let touch = column.is_some();
    Parted {
        touch,
        ..cut(
            &found.runs,
            column.unwrap_or_else(|| one_side(&found.parts, film)),
        )
    }
}

/// Which components are large enough to count.
fn significance(components: &[Component]) -> impl Fn(&Component) -> bool + use<> {
    let largest = components
        .iter()
        .map(|component| component.area_px)
        .max()
        .unwrap_or(0);
    move |component| component.area_px as f64 >= SIGNIFICANT_SHARE * largest as f64
}

/// Parts components into those of the right and those of the left lung; `None` where they do not lie side by side.
fn two_groups(mut components: Vec<Component>) -> Option<[Component; 2]> {
    components.sort_by(|one, other| one.centroid().0.total_cmp(&other.centroid().0));
    let gap = |at: usize| components[at].centroid().0 - components[at - 1].centroid().0;
    let widest = (1..components.len()).max_by(|&one, &other| gap(one).total_cmp(&gap(other)))?;
    let (first, second) = components.split_at(widest);
    let together = |group: &[Component]| group.iter().copied().reduce(Component::and);
    let (first, second) = (together(first)?, together(second)?);
    let shared = first
        .end
        .min(second.end)
        .saturating_sub(first.start.max(second.start));
    let narrower = (first.end - first.start).min(second.end - second.start);
    (f64::from(shared) <= SHARED_COLUMNS * f64::from(narrower)).then_some([first, second])
}

/// Gives every component to the nearer of two groups, by the distance of their centroids.
fn by_component(found: &Components, groups: [Component; 2]) -> Parted {
    let [first, second] = groups.map(Component::centroid);
    let nearer_to_first: Vec<bool> = found
        .parts
        .iter()
        .map(|component| {
            let (x, y) = component.centroid();
            (x - first.0).hypot(y - first.1) <= (x - second.0).hypot(y - second.1)
        })
        .collect();
    let labelled = found.runs.iter().zip(&found.labels);
    let (right, left): (Vec<_>, Vec<_>) = labelled.partition(|&(_, &label)| nearer_to_first[label]);
    let runs = |labelled: Vec<(&Run, &usize)>| labelled.into_iter().map(|(&run, _)| run).collect();
    Parted {
        right: runs(right),
        left: runs(left),
        touch: false,
    }
}

/// The column at which lungs that have grown together are cut: the first of the left one. `None` where the runs are
/// one lung's.
fn valley(runs: &[Run]) -> Option<u32> {
    let (top, bottom) = (runs.first()?.row, runs.last()?.row);
    let start = runs.iter().map(|run| run.start).min()?;
    let profile = profile(runs, start);
    let width = profile.len();
    let middle = width / 3..width - width / 3;
    // Of equally deep columns, the one nearest to the middle.
    let lowest =
        middle.min_by_key(|&column| (profile[column], (2 * column + 1).abs_diff(width)))?;
    let shoulders = [&profile[..lowest], &profile[lowest + 1..]];
    let [first, second] = shoulders.map(|shoulder| shoulder.iter().copied().max().unwrap_or(0));
    let is_deep = (profile[lowest] as f64) < VALLEY_DEPTH * first.min(second) as f64;
    let is_wide = width as f64 >= FUSED_ASPECT * f64::from(bottom - top + 1);
    (is_deep && is_wide).then(|| start + u32::try_from(lowest).expect("a film's width has 32 bits"))
}

/// How many pixels the runs have in each column, from their first column, `start`, to their last.
fn profile(runs: &[Run], start: u32) -> Vec<i64> {
    let end = runs.iter().map(|run| run.end).max().unwrap_or(start);
    // Where runs begin and end, then summed up.
    let mut profile = vec![0_i64; (end - start) as usize + 1];
    for run in runs {
        profile[(run.start - start) as usize] += 1;
        profile[(run.end - start) as usize] -= 1;
    }
    profile.pop();
    let mut pixels = 0;
    for column in &mut profile {
        pixels += *column;
        *column = pixels;
    }
    profile
}

/// The column at which a mask with a single lung is cut, so that all of it is on one side.
fn one_side(components: &[Component], film: Size) -> u32 {
    let whole = components.iter().copied().reduce(Component::and);
    let is_right = whole.is_some_and(|whole| whole.centroid().0 < f64::from(film.width()) / 2.0);
    if is_right { film.width() } else { 0 }
}

/// Cuts the runs before `column`.
fn cut(runs: &[Run], column: u32) -> Parted {
    let right = runs.iter().map(|&run| Run {
        end: run.end.min(column),
        ..run
    });
    let left = runs.iter().map(|&run| Run {
        start: run.start.max(column),
        ..run
    });
    let (right, left) = (
        right.filter(|run| run.start < run.end),
        left.filter(|run| run.start < run.end),
    );
    Parted {
        right: right.collect(),
        left: left.collect(),
        touch: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A film with ellipses, each as centre (x, y) and radii (x, y).
    fn ellipses(size: Size, ellipses: &[[f64; 4]]) -> Mask {
        let inside = |index: usize| {
            let (x, y) = (
                (index % size.columns()) as f64,
                (index / size.columns()) as f64,
            );
            ellipses
                .iter()
                .any(|[cx, cy, rx, ry]| ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) <= 1.0)
        };
        Mask::new(size, (0..size.pixels()).map(inside)).expect("as many pixels as the size has")
    }

    fn square(side: u32) -> Size {
        Size::square(side).expect("there are pixels")
    }

    /// Both sides' masks, after they were found to be disjoint and together the whole.
    fn sides(mask: &Mask) -> (Lungs, [Mask; 2]) {
        let lungs = Lungs::of(mask);
        let masks = [Side::Right, Side::Left].map(|side| lungs.lung_mask(side));
        assert_eq!(masks[0].shared_px(&masks[1]), Some(0));
        assert_eq!(masks[0].clone().union(&masks[1]).as_ref(), Some(mask));
        for lung in lungs.iter() {
            assert_eq!(lung.area_px(), lungs.lung_mask(lung.side()).area_px());
        }
        (lungs, masks)
    }

    const RIGHT: [f64; 4] = [60.0, 100.0, 30.0, 70.0];
    const LEFT: [f64; 4] = [140.0, 105.0, 28.0, 66.0];

    #[test]
    fn the_right_lung_is_on_the_left_of_the_film() {
        let (lungs, masks) = sides(&ellipses(square(200), &[RIGHT, LEFT]));
        assert!(!lungs.touch());
        assert_eq!(
            masks,
            [
                ellipses(square(200), &[RIGHT]),
                ellipses(square(200), &[LEFT])
            ]
        );
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
    fn specks_go_to_the_nearer_lung() {
        let specks = [[10.0, 190.0, 3.0, 3.0], [120.0, 10.0, 3.0, 3.0]];
        let (_, masks) = sides(&ellipses(square(200), &[RIGHT, specks[0], LEFT, specks[1]]));
        assert_eq!(masks[0], ellipses(square(200), &[RIGHT, specks[0]]));
        assert_eq!(masks[1], ellipses(square(200), &[LEFT, specks[1]]));
    }

    #[test]
    fn a_lung_in_two_pieces_is_one_lung() {
        let pieces = [[60.0, 60.0, 30.0, 35.0], [64.0, 140.0, 28.0, 35.0]];
        let (lungs, _) = sides(&ellipses(square(200), &pieces));
        assert_eq!(
            lungs.iter().map(Lung::side).collect::<Vec<_>>(),
            [Side::Right]
        );
        let (_, masks) = sides(&ellipses(square(200), &[pieces[0], pieces[1], LEFT]));
        assert_eq!(masks[0], ellipses(square(200), &pieces));
    }

    #[test]
    fn both_pieces_of_a_lung_may_be_larger_than_the_other_lung() {
        let pieces = [[60.0, 60.0, 30.0, 35.0], [64.0, 140.0, 28.0, 35.0]];
        let small = [140.0, 105.0, 15.0, 25.0];
        let (_, masks) = sides(&ellipses(square(200), &[pieces[0], pieces[1], small]));
        assert_eq!(
            masks,
            [
                ellipses(square(200), &pieces),
                ellipses(square(200), &[small])
            ]
        );
    }

    #[test]
    fn lungs_that_have_grown_together_are_cut_between_them() {
        let bridge = [100.0, 100.0, 25.0, 5.0];
        let (lungs, masks) = sides(&ellipses(square(200), &[RIGHT, LEFT, bridge]));
        assert_eq!((lungs.iter().len(), lungs.touch()), (2, true));
        for (mask, own) in masks.iter().zip([RIGHT, LEFT]) {
            let own = ellipses(square(200), &[own]);
            assert_eq!(own.shared_px(mask), Some(own.area_px()));
        }
    }

    #[test]
    fn a_single_lung_is_named_after_its_half_of_the_film() {
        for (lung, side) in [(RIGHT, Side::Right), (LEFT, Side::Left)] {
            let (lungs, _) = sides(&ellipses(square(200), &[lung]));
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
    fn films_of_any_shape_are_parted() {
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
    fn sides_and_boxes_are_written_as_the_interface_has_them() {
        assert_eq!(
            serde_json::to_string(&[Side::Right, Side::Left]).unwrap(),
            r#"["right","left"]"#
        );
        assert_eq!(
            serde_json::to_string(&BoundingBox([310, 240, 620, 1310])).unwrap(),
            "[310,240,620,1310]"
        );
    }
}
