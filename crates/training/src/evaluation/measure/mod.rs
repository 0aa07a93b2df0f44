//! The measures of a case: overlap, surface distances, the Dice scores at other thresholds, and calibration.

mod catalogue;
#[cfg(test)]
mod tests;

pub use self::catalogue::Measure;
use super::calibration::Calibration;
use lungfield_radiograph::geometry::{Geometry, Size};
use lungfield_radiograph::mask::{Mask, ProbabilityMap, Threshold};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::postprocess;
use lungfield_radiograph::radiograph::PixelSpacing;
use lungfield_radiograph::surface::SurfaceDistances;
use lungfield_radiograph::warnings::Warning;

/// The number of thresholds at which every case is scored.
pub const THRESHOLDS: usize = 19;

/// Returns the thresholds at which every case is scored: 0.05, 0.10 and so on to 0.95.
#[must_use]
pub fn thresholds() -> [Threshold; THRESHOLDS] {
    std::array::from_fn(|index| {
        Threshold::new((index + 1) as f32 / 20.0)
            .expect("a twentieth to nineteen lie between 0 and 1")
    })
}

/// The measures of a case. [`Measure`] lists the numbers that follow from them.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseMeasures {
    /// The size of the film.
    pub size: Size,
    /// The overlap of the mask and the reference mask.
    pub overlap: Overlap,
    /// The distances between their borders, in pixels; `None` if exactly one of them is empty.
    pub surface: Option<SurfaceDistances>,
    /// The distances in millimetres of the film; `None` also if its file states no pixel spacing.
    pub surface_mm: Option<SurfaceDistances>,
    /// The Dice score at each of [`thresholds`].
    pub by_threshold: [f64; THRESHOLDS],
    /// The calibration of the probabilities.
    pub calibration: Calibration,
}

/// Measures the mask of a probability map against the reference mask.
///
/// All masks are made by the postprocessing of serving. Distances are also measured in millimetres if the pixel spacing
/// is known.
///
/// ```
/// use lungfield_radiograph::geometry::{Geometry, Size};
/// use lungfield_radiograph::mask::Threshold;
/// use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
/// use lungfield_radiograph::postprocess;
/// use lungfield_training::evaluation::measure::{Measure, measure};
///
/// let size = Size::new(200, 160).expect("both sides are above 0");
/// let reference = Phantom::draw(&PhantomOptions { seed: 1, size, depth: Depth::Eight }).mask;
/// let geometry = Geometry::letterbox(size, 64);
/// let map = postprocess::coverage(&reference, &geometry); // a model that is right as far as its grid allows
///
/// let measures = measure(&map, &geometry, &reference, None, Threshold::HALF);
/// assert!(Measure::Dice.of(&measures) > Some(0.95));
/// assert!(Measure::SurfaceDistance.of(&measures) < Some(1.0));
/// assert_eq!(Measure::SurfaceDistanceMm.of(&measures), None);
/// ```
///
/// # Panics
/// If the map or the reference mask does not have the size that `geometry` states.
#[must_use]
pub fn measure(
    map: &ProbabilityMap,
    geometry: &Geometry,
    reference: &Mask,
    spacing: Option<PixelSpacing>,
    threshold: Threshold,
) -> CaseMeasures {
    let restore = |threshold| postprocess::restore(map, geometry, threshold);
    let overlap =
        |mask: &Mask| Overlap::of(mask, reference).expect("a reference mask has its film's size");
    let mask = restore(threshold);
    let one_size = "the overlap has found them to be of one size";
    let in_millimetres =
        |spacing| SurfaceDistances::in_millimetres(&mask, reference, spacing).expect(one_size);
    CaseMeasures {
        size: reference.size(),
        overlap: overlap(&mask),
        surface: SurfaceDistances::of(&mask, reference).expect(one_size),
        surface_mm: spacing.and_then(in_millimetres),
        by_threshold: thresholds().map(|threshold| overlap(&restore(threshold)).dice()),
        calibration: Calibration::of(map, geometry, reference),
    }
}

/// A case with its measures.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredCase {
    /// The name of the case.
    pub case: String,
    /// The data set in which the case was published.
    pub source: String,
    /// Whether the reference mask is known to be doubtful.
    pub doubtful: bool,
    /// The warnings that a server would give.
    pub warnings: Vec<Warning>,
    /// The measures.
    pub measures: CaseMeasures,
}

impl ScoredCase {
    /// Returns the Dice score of the case.
    #[must_use]
    pub fn dice(&self) -> f64 {
        self.measures.overlap.dice()
    }
}
