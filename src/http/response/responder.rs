//! Writes the answers of `/v1/segment`: JSON or a file, alone or as a part of a related body, on a budget of their own.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use lungfield_codec::ModelIdentity;
use lungfield_codec::rendering::{Encoded, EncodedFile, ResultDocument};
use lungfield_engine::pipeline::{Rendered, Segmentation, Timings};

use super::answer::{Answer, Answers, TimingsMs};
use super::paced::Paced;
use super::related::{self, Part};
use crate::http::App;
use crate::http::headers::{DICE, JACCARD, MODEL, SERVER_TIMING, WARNINGS};
use crate::http::problem::ApiError;
use crate::http::request::budget::Budget;
use crate::http::request_id::RequestId;

const JSON: &str = "application/json";

/// Writes the responses to one request.
#[derive(Debug)]
pub(crate) struct Responder<'a> {
    model: &'a ModelIdentity,
    budget: &'a Budget,
    write_timeout: Duration,
    request_id: &'a str,
    /// The bytes of the parts that are buffered.
    buffered_bytes: u64,
}

/// The answer to one instance of a body, which waits for those to the others.
pub(crate) enum BufferedPart<'a> {
    Document(Answer<'a>),
    File(Part),
}

impl<'a> Responder<'a> {
    pub(crate) fn new(app: &'a App, request_id: &'a RequestId) -> Self {
        Self {
            model: &app.model.identity,
            budget: &app.answers,
            write_timeout: app.options.write_timeout,
            request_id: request_id.as_str(),
            buffered_bytes: 0,
        }
    }

    /// Responds with the result of one film: a document, or a file with what can be said in headers.
    pub(crate) fn one(&self, rendered: Rendered) -> Result<Response, ApiError> {
        let mut headers = timing_headers(&rendered.timings);
        match rendered.encoded {
            Encoded::Document(result) => self.json(headers, &self.answer(result, rendered.timings)),
            Encoded::File(file) => {
                headers.extend(self.file_headers(rendered.segmentation.as_ref()));
                self.file(headers, file)
            }
        }
    }

    /// Responds to an inference with bytes that the Open Inference Protocol has laid out, and the headers that describe them.
    pub(crate) fn inference(
        &self,
        headers: HeaderMap,
        timings: &Timings,
        bytes: Vec<u8>,
    ) -> Result<Response, ApiError> {
        let body = self.body(bytes)?;
        Ok((timing_headers(timings), headers, body).into_response())
    }

    /// Buffers the result of one instance until those of the others are there.
    pub(crate) fn buffer_part(&mut self, rendered: Rendered) -> Result<BufferedPart<'a>, ApiError> {
        Ok(match rendered.encoded {
            Encoded::Document(result) => {
                BufferedPart::Document(self.answer(result, rendered.timings))
            }
            Encoded::File(EncodedFile { media_type, bytes }) => BufferedPart::File(Part {
                media_type,
                headers: self.file_headers(rendered.segmentation.as_ref()),
                bytes: self.charge_part(bytes)?,
            }),
        })
    }

    /// Responds with the results of a related body's instances, all of one rendering, which took so long together.
    pub(crate) fn all(
        &self,
        parts: Vec<BufferedPart<'a>>,
        timings: &Timings,
    ) -> Result<Response, ApiError> {
        let mut headers = timing_headers(timings);
        let (mut instances, mut files) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                BufferedPart::Document(answer) => instances.push(answer),
                BufferedPart::File(file) => files.push(file),
            }
        }
        let Some(first) = files.first() else {
            return self.json(headers, &Answers { instances });
        };
        if let Some(model) = first.headers.get(MODEL) {
            headers.insert(MODEL, model.clone());
        }
        let media_type = first.media_type;
        Ok(related::respond(
            headers,
            media_type,
            files,
            self.write_timeout,
        ))
    }

    fn answer(&self, result: Box<ResultDocument>, timings: Timings) -> Answer<'a> {
        Answer {
            request_id: self.request_id,
            model: self.model,
            result,
            timings_ms: timings.into(),
        }
    }

    fn json(&self, headers: HeaderMap, answer: &impl Serialize) -> Result<Response, ApiError> {
        let bytes = serde_json::to_vec(answer).expect("an answer has nothing that JSON lacks");
        let media_type = JSON;
        self.file(headers, EncodedFile { media_type, bytes })
    }

    fn file(&self, headers: HeaderMap, file: EncodedFile) -> Result<Response, ApiError> {
        let media_type = HeaderValue::from_static(file.media_type);
        let body = self.body(file.bytes)?;
        Ok((headers, [(header::CONTENT_TYPE, media_type)], body).into_response())
    }

    /// Returns a body whose bytes are charged until its reader has them.
    fn body(&self, bytes: Vec<u8>) -> Result<Body, ApiError> {
        Ok(Body::new(Paced::new(
            [self.charge(bytes)?],
            self.write_timeout,
        )))
    }

    fn charge(&self, bytes: Vec<u8>) -> Result<Bytes, ApiError> {
        self.budget
            .hold(bytes)
            .map_err(|_spent| ApiError::AnswerBudgetSpent)
    }

    /// Charges one of several parts, which together must fit into the whole budget.
    fn charge_part(&mut self, bytes: Vec<u8>) -> Result<Bytes, ApiError> {
        self.buffered_bytes += bytes.len() as u64;
        if self.buffered_bytes > self.budget.bytes() {
            Err(ApiError::AnswersTooLarge)
        } else {
            self.charge(bytes)
        }
    }

    /// Returns what can be said of a segmentation beside a file; nothing where the model was not asked.
    fn file_headers(&self, segmentation: Option<&Segmentation>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let Some(segmentation) = segmentation else {
            return headers;
        };
        headers.insert(MODEL, text(&self.model.label()));
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
}

fn timing_headers(timings: &Timings) -> HeaderMap {
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

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("numbers, codes and a model's name are visible ASCII")
}
