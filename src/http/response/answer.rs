//! The JSON answers of `/v1/segment`.

use std::time::Duration;

use serde::Serialize;

use lungfield_codec::ModelIdentity;
use lungfield_codec::rendering::ResultDocument;
use lungfield_engine::pipeline::Timings;

/// The answer to a film.
#[derive(Serialize)]
pub(crate) struct Answer<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) model: &'a ModelIdentity,
    #[serde(flatten)]
    pub(crate) result: Box<ResultDocument>,
    pub(crate) timings_ms: TimingsMs,
}

/// The answers to the instances of one body, in their order.
#[derive(Serialize)]
pub(crate) struct Answers<'a> {
    pub(crate) instances: Vec<Answer<'a>>,
}

/// The times of the steps, in milliseconds.
#[derive(Serialize)]
pub(crate) struct TimingsMs {
    pub(crate) decode: f64,
    pub(crate) queue: f64,
    pub(crate) infer: f64,
    pub(crate) encode: f64,
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
