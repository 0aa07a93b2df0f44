//! The step after the forward pass: the mask is restored, measured and encoded.

use super::film::decode_reference;
use super::{PipelineError, Segmentation};
use lungfield_codec::rendering::SegmentedFilm;
use lungfield_codec::{Image, Limits};
use lungfield_radiograph::geometry::Geometry;
use lungfield_radiograph::lungs::{Lungs, warnings};
use lungfield_radiograph::mask::{ProbabilityMap, Threshold};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::postprocess;
use lungfield_radiograph::radiograph::PixelSpacing;
use lungfield_radiograph::warnings::Warning;

/// What is kept of a film while it waits for the model.
///
/// The reference mask is kept as its file and decoded again: the bytes are counted in a budget, which its pixels would not be.
#[derive(Debug)]
pub(super) struct EncodeTask {
    pub(super) geometry: Geometry,
    pub(super) spacing: Option<PixelSpacing>,
    /// Warnings about the film itself.
    pub(super) warnings: Vec<Warning>,
    pub(super) reference: Option<Image>,
    pub(super) limits: Limits,
}

impl EncodeTask {
    /// Restores the mask from the probabilities and encodes it.
    pub(super) fn run<T>(
        self,
        map: &ProbabilityMap,
        threshold: Threshold,
        encode: impl FnOnce(&SegmentedFilm<'_>) -> Result<T, PipelineError>,
    ) -> Result<(Segmentation, T), PipelineError> {
        let mask = postprocess::restore(map, &self.geometry, threshold);
        let lungs = Lungs::of(&mask);
        let warnings = warnings(&lungs, map, &self.warnings);
        let reference = decode_reference(self.reference.as_ref(), mask.size(), self.limits)?;
        let overlap = reference.as_ref().map(|reference| {
            Overlap::of(&mask, reference)
                .expect("a reference mask is decoded in its film's size or not at all")
        });
        let output = encode(&SegmentedFilm {
            mask: &mask,
            lungs: &lungs,
            spacing: self.spacing,
            threshold,
            reference: reference.as_ref(),
            overlap,
            warnings: &warnings,
            map,
            geometry: &self.geometry,
        })?;
        let segmentation = Segmentation {
            size: mask.size(),
            lungs,
            spacing: self.spacing,
            threshold,
            overlap,
            warnings,
        };
        Ok((segmentation, output))
    }
}
