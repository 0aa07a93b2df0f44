//! Inference: the film of a request in, its mask out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use lungfield_codec::ModelIdentity;
use lungfield_codec::rendering::{SegmentedFilm, samples};
use lungfield_engine::pipeline::SegmentOptions;
use lungfield_radiograph::overlap::Overlap;

use super::framing::JsonBytes;
use super::request::{self, Inference, InvalidRequest};
use super::response::Answer;
use super::served_model::ServedModel;
use crate::http::App;
use crate::http::problem::ApiError;
use crate::http::request::admission::Admitted;
use crate::http::request::body::WholeBody;
use crate::http::request::deadline::within;
use crate::http::response::responder::Responder;

/// Segments the film of a request.
pub(crate) async fn infer(
    State(app): State<Arc<App>>,
    _: ServedModel,
    _: Admitted,
    json_bytes: JsonBytes,
    body: WholeBody,
) -> Result<Response, ApiError> {
    let deadline = body.deadline;
    // The body is kept until the response is there: the film may be a part of it.
    let (inference, body) = within(deadline, parse(&app, body, json_bytes)).await?;
    let Inference {
        id,
        film,
        threshold,
        outputs,
    } = inference;
    let options = SegmentOptions {
        threshold,
        deadline,
    };
    let owner = Arc::clone(&app);
    let frame = move |result: &SegmentedFilm<'_>| {
        let mask = samples::encode(result.mask);
        answer(result, &mask, id.as_deref(), &owner.model.identity).frame(&outputs)
    };
    let inferred = app.pipeline.segment(film, options, frame).await?;
    app.metrics
        .film_segmented(&inferred.segmentation, inferred.timings);
    let framed = inferred.output;
    let headers = JsonBytes(framed.json_bytes).headers();
    Responder::new(&app, &body.context.id).inference(headers, &inferred.timings, framed.bytes)
}

/// Parses a body on a thread that may block: JSON of a large film takes half a second.
async fn parse(
    app: &App,
    body: WholeBody,
    json_bytes: JsonBytes,
) -> Result<(Inference, WholeBody), ApiError> {
    let parse = move || {
        let inference = request::read(body.bytes.clone(), json_bytes.0);
        let inference =
            inference.map_err(|InvalidRequest(detail)| ApiError::InvalidInference(detail))?;
        body.account_for(&inference.film)?;
        Ok((inference, body))
    };
    let span = tracing::info_span!("parse");
    app.pipeline.blocking(span, parse).await?
}

/// Makes the answer to an inference, of which `mask` are the samples.
fn answer<'a>(
    result: &SegmentedFilm<'_>,
    mask: &'a [u8],
    id: Option<&'a str>,
    model: &'a ModelIdentity,
) -> Answer<'a> {
    let codes: Vec<_> = result
        .warnings
        .iter()
        .map(|warning| warning.code())
        .collect();
    Answer {
        model,
        id,
        threshold: result.threshold.get(),
        warnings: codes.join(","),
        size: result.mask.size(),
        mask,
        dice: result.overlap.map(Overlap::dice),
    }
}
