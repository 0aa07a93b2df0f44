//! Holds the lungs of a mask: their sides, areas, bounding boxes and masks.

use serde::Serialize;

use super::components::Run;
use super::sides::{Separation, separate};
use crate::geometry::Size;
use crate::mask::Mask;
use crate::radiograph::PixelSpacing;

/// A side of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The patient's right side, which is on the left of the film.
    Right,
    /// The patient's left side, which is on the right of the film.
    Left,
}

impl Side {
    /// Both sides, the right one first.
    pub const BOTH: [Self; 2] = [Self::Right, Self::Left];
}

/// The smallest rectangle around some pixels, in the order of COCO: x, y, width and height. All are
/// in pixels, and (x, y) is the top left pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BoundingBox(pub [u32; 4]);

/// A lung of a mask, with at least one pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Lung {
    side: Side,
    area_px: u64,
    bounding_box: BoundingBox,
    runs: Vec<Run>,
}

impl Lung {
    /// Creates a lung from its runs. Returns `None` if there are none.
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

    /// Returns the side of the patient on which the lung is.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Returns the number of pixels of the lung.
    #[must_use]
    pub fn area_px(&self) -> u64 {
        self.area_px
    }

    /// Returns the area on the film, in square millimetres. The area in the patient depends on the
    /// projection.
    #[must_use]
    pub fn area_mm2(&self, spacing: PixelSpacing) -> f64 {
        self.area_px as f64 * spacing.pixel_area_mm2()
    }

    /// Returns the smallest rectangle around the lung.
    #[must_use]
    pub fn bounding_box(&self) -> BoundingBox {
        self.bounding_box
    }

    /// Returns the runs of the lung's pixels, from top to bottom and from left to right.
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }
}

/// The lungs of a mask: none, one or two, the right one first.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::lungs::{BoundingBox, Lungs, Side};
/// use lungfield_radiograph::mask::Mask;
///
/// // Two bars, 4 and 3 columns wide.
/// let mut mask = Mask::empty(Size::new(20, 10).expect("neither side is 0"));
/// for row in 1..9 {
///     mask.fill(row, 3..7);
///     mask.fill(row, 12..15);
/// }
/// let lungs = Lungs::of(&mask);
/// let right = lungs.get(Side::Right).expect("the mask has two lungs");
/// assert_eq!(right.area_px(), 32);
/// assert_eq!(right.bounding_box(), BoundingBox([3, 1, 4, 8]));
/// assert_eq!(lungs.lung_mask(Side::Left).area_px(), 24);
/// assert!(!lungs.touch());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Lungs {
    film: Size,
    found: Vec<Lung>,
    touch: bool,
}

impl Lungs {
    /// Finds the lungs of `mask`, by the steps that the [module documentation](super) lists.
    #[must_use]
    pub fn of(mask: &Mask) -> Self {
        let Separation { right, left, touch } = separate(mask);
        let lungs = [Lung::new(Side::Right, right), Lung::new(Side::Left, left)];
        Self {
            film: mask.size(),
            found: lungs.into_iter().flatten().collect(),
            touch,
        }
    }

    /// Returns whether the two lungs touch, so that the mask was cut between them.
    #[must_use]
    pub fn touch(&self) -> bool {
        self.touch
    }

    /// Returns the size of the film.
    #[must_use]
    pub fn film(&self) -> Size {
        self.film
    }

    /// Returns the lungs that were found, the right one first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Lung> {
        self.found.iter()
    }

    /// Returns the lung of one side, or `None` if the mask has no lung there.
    #[must_use]
    pub fn get(&self, side: Side) -> Option<&Lung> {
        self.found.iter().find(|lung| lung.side == side)
    }

    /// Returns the mask of one lung, with the size of the film. It is empty if there is no such
    /// lung. The masks of both sides are disjoint, and their union is the whole mask.
    #[must_use]
    pub fn lung_mask(&self, side: Side) -> Mask {
        let runs = self.get(side).map_or(&[][..], |lung| &lung.runs);
        painted(self.film, runs)
    }
}

/// Returns the mask of some runs.
fn painted(film: Size, runs: &[Run]) -> Mask {
    let mut mask = Mask::empty(film);
    for run in runs {
        mask.fill(run.row as usize, run.start as usize..run.end as usize);
    }
    mask
}
