//! Decides what `/v1/segment` does: one film in, its mask out.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use serde::Deserialize;

use super::admission::admit;
use super::answer::{RleForm, answer};
use super::audit::Record;
use super::deadline::{caller_deadline, film_deadline, patience};
use super::negotiate::{Format, accepted};
use super::observe::RequestId;
use super::problem::ApiError;
use super::{App, upload};
use crate::mask::Threshold;
use crate::pipeline::Question;

/// What the query of a request may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choices {
    format: Option<Format>,
    threshold: Option<Threshold>,
    #[serde(default)]
    rle: RleForm,
}

/// Segments the film in the body.
pub(super) async fn segment(
    State(app): State<Arc<App>>,
    Extension(request_id): Extension<RequestId>,
    Extension(record): Extension<Arc<Record>>,
    choices: Result<Query<Choices>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    admit(&app)?;
    let Query(choices) = choices.map_err(|rejection| ApiError::InvalidQuery(rejection.body_text()))?;
    let format = choices.format.or_else(|| accepted(request.headers())).ok_or(ApiError::NotAcceptable)?;
    let deadline = caller_deadline(arrived, patience(request.headers())?);
    let film = upload::receive_by(deadline, &app, &record, request).await?;
    let question = Question {
        threshold: choices.threshold,
        form: format.form(),
        deadline: film_deadline(Instant::now(), app.options.request_timeout, deadline),
    };
    let segmentation = app.pipeline.segment(film, question).await?;
    app.metrics.film_segmented(&segmentation);
    Ok(answer(segmentation, &app.model, choices.rle, request_id.as_str()))
}
