//! Decides how an answer to `/v1/segment` leaves: as JSON or as a file, alone or beside others, on a budget of its own.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use super::App;
use super::admission::Budget;
use super::answer::{Answer, Answers, TimingsMs};
use super::headers::{DICE, JACCARD, MODEL, SERVER_TIMING, WARNINGS};
use super::model::ModelCard;
use super::oip;
use super::paced::Paced;
use super::problem::ApiError;
use super::related::{self, DICOM, Part};
use super::request_id::RequestId;
use lungfield_codec::rle::Encoded;
use lungfield_engine::pipeline::{Picture, Segmentation, Timings, Written};

const JSON: &str = "application/json";
const PNG: &str = "image/png";
const SAMPLES: &str = "application/octet-stream";

/// How the answers to a request leave.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    model: &'a ModelCard,
    budget: &'a Budget,
    patience: Duration,
    request_id: &'a str,
    /// The bytes of those that wait for others.
    waiting: u64,
}

/// An answer that waits for those to other instances of its body.
pub(super) enum Waiting<'a> {
    Instance(Answer<'a>),
    File(Part),
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(app: &'a App, request_id: &'a RequestId) -> Self {
        Self {
            model: &app.model,
            budget: &app.answers,
            patience: app.options.write_timeout,
            request_id: request_id.as_str(),
            waiting: 0,
        }
    }

    /// The answer to a film: JSON where its mask was written as RLE, else the file with what can be said in headers.
    pub(super) fn one(&self, segmentation: Segmentation) -> Result<Response, ApiError> {
        let shared = shared_headers(&segmentation.timings);
        let headers = file_headers(&segmentation, self.model);
        match segmentation.mask {
            Written::Rle {
                ref mask,
                ref reference,
            } => self.json(
                shared,
                &self.answer(&segmentation, mask, reference.as_ref()),
            ),
            Written::Png(bytes) => self.file((shared, headers), PNG, bytes),
            Written::Samples(bytes) => self.file((shared, headers), SAMPLES, bytes),
            Written::Dicom(bytes) => self.file((shared, headers), DICOM, bytes),
        }
    }

    /// The answer to an inference, of which so many bytes are JSON.
    pub(super) fn framed(
        &self,
        timings: &Timings,
        bytes: Vec<u8>,
        json_bytes: Option<usize>,
    ) -> Result<Response, ApiError> {
        let body = Body::new(Paced::new([self.hold(bytes)?], self.patience));
        Ok((shared_headers(timings), oip::framing(json_bytes), body).into_response())
    }

    /// A film to look at.
    pub(super) fn picture(&self, picture: Picture) -> Result<Response, ApiError> {
        self.file(
            (
                shared_headers(&decoded_in(picture.decode)),
                HeaderMap::new(),
            ),
            PNG,
            picture.png,
        )
    }

    /// The answer to an instance, which waits for those to others.
    pub(super) fn wait(&mut self, segmentation: Segmentation) -> Result<Waiting<'a>, ApiError> {
        let headers = file_headers(&segmentation, self.model);
        let (media, bytes) = match segmentation.mask {
            Written::Rle {
                ref mask,
                ref reference,
            } => {
                return Ok(Waiting::Instance(self.answer(
                    &segmentation,
                    mask,
                    reference.as_ref(),
                )));
            }
            Written::Png(bytes) => (PNG, bytes),
            Written::Samples(bytes) => (SAMPLES, bytes),
            Written::Dicom(bytes) => (DICOM, bytes),
        };
        Ok(Waiting::File(Part {
            media,
            headers,
            bytes: self.hold_on(bytes)?,
        }))
    }

    /// A film to look at, which waits for those of other instances.
    pub(super) fn wait_for_picture(&mut self, picture: Picture) -> Result<Waiting<'a>, ApiError> {
        Ok(Waiting::File(Part {
            media: PNG,
            headers: HeaderMap::new(),
            bytes: self.hold_on(picture.png)?,
        }))
    }

    /// The answers to the instances of a related body, all of one form, which took so long together.
    pub(super) fn all(
        &self,
        waiting: Vec<Waiting<'a>>,
        timings: &Timings,
    ) -> Result<Response, ApiError> {
        let mut shared = shared_headers(timings);
        let (mut instances, mut files) = (Vec::new(), Vec::new());
        for answer in waiting {
            match answer {
                Waiting::Instance(answer) => instances.push(answer),
                Waiting::File(part) => files.push(part),
            }
        }
        let Some(first) = files.first() else {
            return self.json(shared, &Answers { instances });
        };
        if let Some(model) = first.headers.get(MODEL) {
            shared.insert(MODEL, model.clone());
        }
        let media = first.media;
        Ok(related::answer(shared, media, files, self.patience))
    }

    fn answer(
        &self,
        segmentation: &Segmentation,
        mask: &Encoded,
        reference: Option<&Encoded>,
    ) -> Answer<'a> {
        Answer::new(segmentation, (mask, reference), self.model, self.request_id)
    }

    fn json(&self, shared: HeaderMap, answer: &impl Serialize) -> Result<Response, ApiError> {
        let json = serde_json::to_vec(answer).expect("an answer has nothing that JSON lacks");
        self.file((shared, HeaderMap::new()), JSON, json)
    }

    fn file(
        &self,
        (shared, headers): (HeaderMap, HeaderMap),
        media: &'static str,
        bytes: Vec<u8>,
    ) -> Result<Response, ApiError> {
        let body = Body::new(Paced::new([self.hold(bytes)?], self.patience));
        let media = [(header::CONTENT_TYPE, HeaderValue::from_static(media))];
        Ok((shared, headers, media, body).into_response())
    }

    fn hold(&self, bytes: Vec<u8>) -> Result<Bytes, ApiError> {
        self.budget
            .hold(bytes)
            .map_err(|_spent| ApiError::AnswerBudgetSpent)
    }

    /// The same for one of several, which must not be more together than could ever be held.
    fn hold_on(&mut self, bytes: Vec<u8>) -> Result<Bytes, ApiError> {
        self.waiting += bytes.len() as u64;
        if self.waiting > self.budget.bytes() {
            Err(ApiError::AnswersTooLarge)
        } else {
            self.hold(bytes)
        }
    }
}

/// The times of a film that is only shown.
pub(super) fn decoded_in(decode: Duration) -> Timings {
    Timings {
        decode,
        ..Timings::default()
    }
}

fn shared_headers(timings: &Timings) -> HeaderMap {
    let TimingsMs {
        decode,
        queue,
        infer,
        encode,
    } = (*timings).into();
    let timing =
        format!("decode;dur={decode}, queue;dur={queue}, infer;dur={infer}, encode;dur={encode}");
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
        let codes: Vec<_> = segmentation
            .warnings
            .iter()
            .map(|warning| warning.code())
            .collect();
        headers.insert(WARNINGS, text(&codes.join(",")));
    }
    headers
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("numbers, codes and a model's name are visible ASCII")
}
