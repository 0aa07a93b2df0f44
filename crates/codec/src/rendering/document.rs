//! The JSON document of a result.

use serde::Serialize;

use super::{
    CountsForm, DocumentOptions, MAX_ECHOED_RUNS, ReferenceUse, RenderError, SegmentedFilm,
};
use crate::rle::{CocoRle, Rle};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::lungs::{BoundingBox, Lung, Side};
use lungfield_radiograph::mask::{Mask, Threshold};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::radiograph::{PixelSpacing, SpacingSource};

/// What a JSON document says of a film's result.
///
/// Whoever sends it adds the model, the request and the times; see `Answer` of the service.
#[derive(Clone, Debug, Serialize)]
pub struct ResultDocument {
    image: Image,
    threshold: Threshold,
    mask: MaskRle,
    lungs: Vec<LungDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dice: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jaccard: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_mask: Option<MaskRle>,
    warnings: Vec<WarningDocument>,
}

#[derive(Clone, Debug, Serialize)]
struct Image {
    width: u32,
    height: u32,
    #[serde(flatten)]
    spacing: Option<Spacing>,
}

#[derive(Clone, Debug, Serialize)]
struct Spacing {
    /// Between rows, and between columns.
    pixel_spacing_mm: [f64; 2],
    pixel_spacing_source: SpacingSource,
}

#[derive(Clone, Debug, Serialize)]
struct MaskRle {
    encoding: &'static str,
    #[serde(flatten)]
    rle: CocoRle,
}

#[derive(Clone, Debug, Serialize)]
struct LungDocument {
    side: Side,
    area_px: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    area_mm2: Option<f64>,
    bounding_box: BoundingBox,
}

#[derive(Clone, Debug, Serialize)]
struct WarningDocument {
    code: &'static str,
    message: &'static str,
}

impl ResultDocument {
    /// Describes a film's result.
    ///
    /// Fails with [`RenderError::ReferenceTooFine`] where the reference mask is to be included and has more than
    /// [`MAX_ECHOED_RUNS`] runs.
    pub fn new(result: &SegmentedFilm<'_>, options: DocumentOptions) -> Result<Self, RenderError> {
        let echoed = result
            .reference
            .filter(|_| options.reference == ReferenceUse::Echo);
        let warnings = result.warnings.iter().map(|warning| WarningDocument {
            code: warning.code(),
            message: warning.message(),
        });
        Ok(Self {
            image: Image::new(result.mask.size(), result.spacing),
            threshold: result.threshold,
            mask: MaskRle::new(Rle::of(result.mask), options.counts),
            lungs: result
                .lungs
                .iter()
                .map(|lung| LungDocument::new(lung, result.spacing))
                .collect(),
            dice: result.overlap.map(Overlap::dice),
            jaccard: result.overlap.map(Overlap::jaccard),
            reference_mask: echoed.map(|mask| echo(mask, options.counts)).transpose()?,
            warnings: warnings.collect(),
        })
    }
}

fn echo(reference: &Mask, counts: CountsForm) -> Result<MaskRle, RenderError> {
    let rle = Rle::of(reference);
    if rle.counts().len() > MAX_ECHOED_RUNS {
        return Err(RenderError::ReferenceTooFine);
    }
    Ok(MaskRle::new(rle, counts))
}

impl Image {
    fn new(size: Size, spacing: Option<PixelSpacing>) -> Self {
        Self {
            width: size.width(),
            height: size.height(),
            spacing: spacing.map(|spacing| Spacing {
                pixel_spacing_mm: [spacing.row_mm(), spacing.column_mm()],
                pixel_spacing_source: spacing.source(),
            }),
        }
    }
}

impl MaskRle {
    fn new(rle: Rle, counts: CountsForm) -> Self {
        Self {
            encoding: "coco_rle",
            rle: match counts {
                CountsForm::Compressed => rle.compressed(),
                CountsForm::Plain => rle.plain(),
            },
        }
    }
}

impl LungDocument {
    fn new(lung: &Lung, spacing: Option<PixelSpacing>) -> Self {
        Self {
            side: lung.side(),
            area_px: lung.area_px(),
            area_mm2: spacing.map(|spacing| lung.area_mm2(spacing)),
            bounding_box: lung.bounding_box(),
        }
    }
}
