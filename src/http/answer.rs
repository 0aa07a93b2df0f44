//! Decides what an answer to `/v1/segment` looks like.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::admission::{Budget, BudgetSpent, Charge};
use super::model::ModelCard;
use super::related::{self, Part};
use crate::codec::rle::{Counts, Rle};
use crate::lungs::{BoundingBox, Lung, Side};
use crate::mask::Threshold;
use crate::overlap::Overlap;
use crate::pipeline::{Picture, Segmentation, Timings, Written};
use crate::radiograph::{PixelSpacing, SpacingSource};

pub(super) const DICE: HeaderName = HeaderName::from_static("lungfield-dice");
pub(super) const JACCARD: HeaderName = HeaderName::from_static("lungfield-jaccard");
pub(super) const MODEL: HeaderName = HeaderName::from_static("lungfield-model");
pub(super) const WARNINGS: HeaderName = HeaderName::from_static("lungfield-warnings");
pub(super) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

const PNG: &str = "image/png";
const DICOM: &str = "application/dicom";

/// How the counts of an RLE are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RleForm {
    /// As COCO's compressed string.
    #[default]
    Compressed,
    /// As a list of numbers.
    Counts,
}

#[derive(Serialize)]
struct Answer<'a> {
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
struct Answers<'a> {
    instances: Vec<Answer<'a>>,
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
struct TimingsMs {
    decode: f64,
    queue: f64,
    infer: f64,
    encode: f64,
}

/// The answer to a film: JSON where its mask was written as RLE, else the file with what can be said in headers.
pub(super) fn answer(
    segmentation: Segmentation,
    model: &ModelCard,
    rle: RleForm,
    request_id: &str,
) -> Response {
    let shared = shared_headers(&segmentation.timings);
    let headers = file_headers(&segmentation, model);
    match segmentation.mask {
        Written::Rle { ref mask, ref reference } => {
            let masks = Masks::new(mask, reference.as_ref(), rle);
            (shared, Json(Answer::new(&segmentation, masks, model, request_id))).into_response()
        }
        Written::Png(bytes) => (shared, headers, media(PNG), bytes).into_response(),
        Written::Dicom(bytes) => (shared, headers, media(DICOM), bytes).into_response(),
    }
}

/// A film to look at.
pub(super) fn picture(picture: Picture) -> Response {
    let timings = Timings { decode: picture.decode, ..Timings::default() };
    (shared_headers(&timings), media(PNG), picture.png).into_response()
}

/// Films to look at, as those of the instances of a related body.
pub(super) fn pictures(pictures: Vec<Part>) -> Response {
    related::answer(HeaderMap::new(), PNG, pictures)
}

/// A picture that waits for those of other instances.
pub(super) fn picture_part(picture: Picture, budget: &Budget) -> Result<Part, BudgetSpent> {
    let charge = budget.charge();
    charge.take(picture.png.len())?;
    Ok(Part { media: PNG, headers: HeaderMap::new(), bytes: Arc::new(charge).hold(picture.png) })
}

/// An answer that waits for those to other instances, on the byte budget.
#[derive(Debug)]
pub(super) struct Waiting {
    segmentation: Segmentation,
    charge: Arc<Charge>,
}

impl Waiting {
    pub(super) fn new(segmentation: Segmentation, budget: &Budget) -> Result<Self, BudgetSpent> {
        let charge = Arc::new(budget.charge());
        if let Written::Png(bytes) | Written::Dicom(bytes) = &segmentation.mask {
            charge.take(bytes.len())?;
        }
        Ok(Self { segmentation, charge })
    }
}

/// The answers to the instances of a related body, all of one form.
pub(super) fn answers(waiting: Vec<Waiting>, model: &ModelCard, rle: RleForm, request_id: &str) -> Response {
    let timings = waiting.iter().map(|waiting| waiting.segmentation.timings);
    let timings = timings.fold(Timings::default(), Timings::plus);
    let mut shared = shared_headers(&timings);
    let (mut instances, mut files) = (Vec::new(), Vec::new());
    for Waiting { segmentation, charge } in waiting {
        let headers = file_headers(&segmentation, model);
        match segmentation.mask {
            Written::Rle { ref mask, ref reference } => {
                let masks = Masks::new(mask, reference.as_ref(), rle);
                instances.push(Answer::new(&segmentation, masks, model, request_id));
            }
            Written::Png(bytes) => files.push(Part { media: PNG, headers, bytes: charge.hold(bytes) }),
            Written::Dicom(bytes) => files.push(Part { media: DICOM, headers, bytes: charge.hold(bytes) }),
        }
    }
    let Some(media) = files.first().map(|part| part.media) else {
        return (shared, Json(Answers { instances })).into_response();
    };
    shared.insert(MODEL, named(model));
    related::answer(shared, media, files)
}

fn media(kind: &'static str) -> [(HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static(kind))]
}

/// The masks of an answer.
struct Masks {
    mask: Mask,
    reference: Option<Mask>,
}

impl Masks {
    fn new(mask: &Rle, reference: Option<&Rle>, form: RleForm) -> Self {
        Self { mask: Mask::of(mask, form), reference: reference.map(|reference| Mask::of(reference, form)) }
    }
}

impl Mask {
    fn of(rle: &Rle, form: RleForm) -> Self {
        let encoded = match form {
            RleForm::Compressed => rle.compressed(),
            RleForm::Counts => rle.clone().plain(),
        };
        Self { encoding: "coco_rle", size: encoded.size, counts: encoded.counts }
    }
}

impl<'a> Answer<'a> {
    fn new(segmentation: &Segmentation, masks: Masks, model: &'a ModelCard, request_id: &'a str) -> Self {
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
            mask: masks.mask,
            lungs: lungs.map(|lung| LungAnswer::new(lung, segmentation.spacing)).collect(),
            dice: segmentation.overlap.map(Overlap::dice),
            jaccard: segmentation.overlap.map(Overlap::jaccard),
            reference_mask: masks.reference,
            warnings: segmentation
                .warnings
                .iter()
                .map(|warning| Warning { code: warning.code(), message: warning.message() })
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
        let ms = |duration: std::time::Duration| (duration.as_secs_f64() * 1e4).round() / 10.0;
        Self {
            decode: ms(timings.decode),
            queue: ms(timings.queue),
            infer: ms(timings.infer),
            encode: ms(timings.encode),
        }
    }
}

fn shared_headers(timings: &Timings) -> HeaderMap {
    let TimingsMs { decode, queue, infer, encode } = (*timings).into();
    let timing = format!("decode;dur={decode}, queue;dur={queue}, infer;dur={infer}, encode;dur={encode}");
    HeaderMap::from_iter([(SERVER_TIMING, text(&timing))])
}

fn named(model: &ModelCard) -> HeaderValue {
    text(&format!("{}/{}", model.name, model.version))
}

/// What can be said of a segmentation beside a file.
fn file_headers(segmentation: &Segmentation, model: &ModelCard) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(MODEL, named(model));
    if let Some(overlap) = segmentation.overlap {
        headers.insert(DICE, text(&format!("{:.6}", overlap.dice())));
        headers.insert(JACCARD, text(&format!("{:.6}", overlap.jaccard())));
    }
    if !segmentation.warnings.is_empty() {
        let codes: Vec<_> = segmentation.warnings.iter().map(|warning| warning.code()).collect();
        headers.insert(WARNINGS, text(&codes.join(",")));
    }
    headers
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("numbers, codes and a model's name are visible ASCII")
}
