//! Scored cases, for the tests of this module.

use super::measure::{ScoredCase, measure};
use lungfield_radiograph::geometry::{Geometry, Size};
use lungfield_radiograph::mask::{Mask, ProbabilityMap, Threshold};

/// Scores a film of one row of 10 pixels. The reference mask has the first `lung` pixels, the mask the first `found`.
pub(super) fn scored(case: &str, source: &str, lung: usize, found: usize) -> ScoredCase {
    let size = Size::new(10, 1).expect("neither side is 0");
    let reference = Mask::new(size, (0..10).map(|x| x < lung)).expect("ten pixels");
    let geometry = Geometry::letterbox(size, 10);
    let row = geometry.top() as usize;
    let probability = |index: usize| {
        if index / 10 == row && index % 10 < found {
            0.875
        } else {
            0.0
        }
    };
    let map =
        ProbabilityMap::new(10, (0..100).map(probability).collect()).expect("a square of ten");
    let measures = measure(&map, &geometry, &reference, None, Threshold::HALF);
    ScoredCase {
        case: case.to_owned(),
        source: source.to_owned(),
        doubtful: false,
        warnings: Vec::new(),
        measures,
    }
}
