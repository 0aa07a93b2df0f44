//! Tests of the measures of a case.

use super::*;
use crate::evaluation::fixtures::scored;

#[test]
fn a_film_is_measured_by_hand() {
    let CaseMeasures {
        overlap,
        surface,
        calibration,
        ..
    } = scored("a", "b", 5, 4).measures;
    assert!((overlap.dice() - 8.0 / 9.0).abs() < 1e-12);
    assert!((overlap.jaccard() - 4.0 / 5.0).abs() < 1e-12);
    // A film of one row is all border: from the mask 0, from the reference mask 0 and, once, 1.
    let surface = surface.unwrap();
    assert!((surface.mean() - 1.0 / 9.0).abs() < 1e-12);
    assert!((surface.hausdorff_95() - 0.8).abs() < 1e-9);
    assert_eq!(
        [
            calibration.bins()[0].pixels(),
            calibration.bins()[8].pixels()
        ],
        [6, 4]
    );
    assert!((calibration.expected_error() - (1.0 + 0.125 * 4.0) / 10.0).abs() < 1e-9);
}

#[test]
fn each_threshold_scores_as_if_it_had_been_the_models() {
    let film = lungfield_radiograph::phantom::Phantom::draw(
        &lungfield_radiograph::phantom::PhantomOptions {
            seed: 4,
            size: Size::new(96, 80).unwrap(),
            depth: lungfield_radiograph::phantom::Depth::Eight,
        },
    );
    let geometry = Geometry::letterbox(film.mask.size(), 32);
    let coverage = postprocess::coverage(&film.mask, &geometry);
    let unsure = coverage
        .values()
        .iter()
        .map(|share| 0.1 + 0.7 * share)
        .collect();
    let map = ProbabilityMap::new(32, unsure).unwrap();
    let measures = measure(&map, &geometry, &film.mask, None, Threshold::HALF);
    for (threshold, dice) in thresholds().into_iter().zip(measures.by_threshold) {
        let alone = measure(&map, &geometry, &film.mask, None, threshold)
            .overlap
            .dice();
        assert!(
            (dice - alone).abs() < 1e-12,
            "{threshold:?}: {dice} {alone}"
        );
    }
    assert!(measures.by_threshold[8] > 0.9);
    assert!(
        measures.by_threshold[0] < 0.6,
        "below 0.1 all of the film is lung"
    );
    assert!(measures.by_threshold[18] < 1e-12, "above 0.8 none of it is");
}

#[test]
fn with_a_spacing_distances_are_in_millimetres_too() {
    let size = Size::square(16).unwrap();
    let geometry = Geometry::letterbox(size, 16);
    let square = |low: usize| {
        let inside =
            move |at: usize| (low..low + 8).contains(&(at % 16)) && (4..12).contains(&(at / 16));
        Mask::new(size, (0..256).map(inside)).unwrap()
    };
    let map = postprocess::coverage(&square(6), &geometry);
    let spacing = PixelSpacing::new(0.5, 0.5);
    let found = measure(&map, &geometry, &square(4), spacing, Threshold::HALF);
    let half = |px: Measure, mm: Measure| {
        let (px, mm) = (px.of(&found).unwrap(), mm.of(&found).unwrap());
        px > 0.0 && (mm - px / 2.0).abs() < 1e-6
    };
    assert!(half(Measure::Hausdorff95, Measure::Hausdorff95Mm));
    assert!(half(Measure::SurfaceDistance, Measure::SurfaceDistanceMm));
    assert_eq!(
        Measure::Hausdorff95Mm.of(&scored("a", "b", 5, 4).measures),
        None
    );
}

#[test]
fn a_half_is_among_the_thresholds() {
    assert_eq!(thresholds()[9], Threshold::HALF);
    assert_eq!(thresholds()[18], Threshold::new(0.95).unwrap());
}

#[test]
fn a_mask_without_lung_has_overlap_but_no_distance() {
    let measures = scored("a", "b", 5, 0).measures;
    assert_eq!(Measure::Dice.of(&measures), Some(0.0));
    assert_eq!(Measure::Hausdorff95.of(&measures), None);
    assert_eq!(Measure::SurfaceDistance.of(&measures), None);
}
