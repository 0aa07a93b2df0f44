//! Decides what the JSON answer to a film says.

use std::time::Duration;

use serde::Serialize;

use super::model::ModelCard;
use lungfield_codec::rle::{Counts, Encoded};
use lungfield_engine::pipeline::{Segmentation, Timings};
use lungfield_radiograph::lungs::{BoundingBox, Lung, Side};
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::radiograph::{PixelSpacing, SpacingSource};

/// The answer to a film.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    request_id: &'a str,
    model: Model<'a>,
    image: Image,
    threshold: Threshold,
    mask: Mask,
    lungs: Vec<LungAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dice: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jaccard: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_mask: Option<Mask>,
    warnings: Vec<Warning>,
    timings_ms: TimingsMs,
}

/// The answers to the instances of one body, in their order.
#[derive(Serialize)]
pub(super) struct Answers<'a> {
    pub(super) instances: Vec<Answer<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    name: &'a str,
    version: &'a str,
    weights_sha256: &'a str,
}

#[derive(Serialize)]
struct Image {
    width: u32,
    height: u32,
    #[serde(flatten)]
    spacing: Option<Spacing>,
}

#[derive(Serialize)]
struct Spacing {
    /// Between rows, and between columns.
    pixel_spacing_mm: [f64; 2],
    pixel_spacing_source: SpacingSource,
}

impl From<PixelSpacing> for Spacing {
    fn from(spacing: PixelSpacing) -> Self {
        Self {
            pixel_spacing_mm: [spacing.row_mm(), spacing.column_mm()],
            pixel_spacing_source: spacing.source(),
        }
    }
}

#[derive(Serialize)]
struct Mask {
    encoding: &'static str,
    size: [u32; 2],
    counts: Counts,
}

#[derive(Serialize)]
struct LungAnswer {
    side: Side,
    area_px: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    area_mm2: Option<f64>,
    bounding_box: BoundingBox,
}

#[derive(Serialize)]
struct Warning {
    code: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
pub(super) struct TimingsMs {
    pub(super) decode: f64,
    pub(super) queue: f64,
    pub(super) infer: f64,
    pub(super) encode: f64,
}

impl Mask {
    fn of(encoded: &Encoded) -> Self {
        Self {
            encoding: "coco_rle",
            size: encoded.size,
            counts: encoded.counts.clone(),
        }
    }
}

impl<'a> Answer<'a> {
    /// What the JSON says of a film whose mask, and reference mask where it is asked for, were written so.
    pub(super) fn new(
        segmentation: &Segmentation,
        (mask, reference): (&Encoded, Option<&Encoded>),
        model: &'a ModelCard,
        request_id: &'a str,
    ) -> Self {
        let size = segmentation.size;
        let lungs = segmentation.lungs.iter();
        Self {
            request_id,
            model: Model {
                name: &model.name,
                version: &model.version,
                weights_sha256: &model.weights_sha256,
            },
            image: Image {
                width: size.width(),
                height: size.height(),
                spacing: segmentation.spacing.map(Spacing::from),
            },
            threshold: segmentation.threshold,
            mask: Mask::of(mask),
            lungs: lungs
                .map(|lung| LungAnswer::new(lung, segmentation.spacing))
                .collect(),
            dice: segmentation.overlap.map(Overlap::dice),
            jaccard: segmentation.overlap.map(Overlap::jaccard),
            reference_mask: reference.map(Mask::of),
            warnings: segmentation
                .warnings
                .iter()
                .map(|warning| Warning {
                    code: warning.code(),
                    message: warning.message(),
                })
                .collect(),
            timings_ms: segmentation.timings.into(),
        }
    }
}

impl LungAnswer {
    fn new(lung: &Lung, spacing: Option<PixelSpacing>) -> Self {
        Self {
            side: lung.side(),
            area_px: lung.area_px(),
            area_mm2: spacing.map(|spacing| lung.area_mm2(spacing)),
            bounding_box: lung.bounding_box(),
        }
    }
}

impl From<Timings> for TimingsMs {
    fn from(timings: Timings) -> Self {
        // Tenths of a millisecond are as much as such a measurement means.
        let ms = |duration: Duration| (duration.as_secs_f64() * 1e4).round() / 10.0;
        Self {
            decode: ms(timings.decode),
            queue: ms(timings.queue),
            infer: ms(timings.infer),
            encode: ms(timings.encode),
        }
    }
}
