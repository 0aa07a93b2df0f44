//! The JSON answers of `/v1/segment`.

use std::time::Duration;

use serde::Serialize;

use lungfield_codec::ModelIdentity;
use lungfield_codec::rendering::ResultDocument;
use lungfield_engine::pipeline::Timings;

/// The answer to a film.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    pub(super) request_id: &'a str,
    pub(super) model: &'a ModelIdentity,
    #[serde(flatten)]
    pub(super) result: Box<ResultDocument>,
    pub(super) timings_ms: TimingsMs,
}

/// The answers to the instances of one body, in their order.
#[derive(Serialize)]
pub(super) struct Answers<'a> {
    pub(super) instances: Vec<Answer<'a>>,
}

/// The times of the steps, in milliseconds.
#[derive(Serialize)]
pub(super) struct TimingsMs {
    pub(super) decode: f64,
    pub(super) queue: f64,
    pub(super) infer: f64,
    pub(super) encode: f64,
}

impl From<Timings> for TimingsMs {
    fn from(timings: Timings) -> Self {
        // Rounded to tenths of a millisecond: such measurements are no more exact.
        let ms = |duration: Duration| (duration.as_secs_f64() * 1e4).round() / 10.0;
        Self {
            decode: ms(timings.decode),
            queue: ms(timings.queue),
            infer: ms(timings.infer),
            encode: ms(timings.encode),
        }
    }
}
