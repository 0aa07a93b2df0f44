//! Decides what `/v1/segment` does: films in, their masks out.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use serde::Deserialize;

use super::admission::admit;
use super::answer::{RleForm, answer, answers};
use super::audit::Record;
use super::deadline::{caller_deadline, film_deadline, patience};
use super::negotiate::{Format, Layout, accepted};
use super::observe::RequestId;
use super::problem::ApiError;
use super::related::Films;
use super::{App, upload};
use crate::codec::dicom::{Algorithm, Kind, Naming, Wanted};
use crate::mask::Threshold;
use crate::pipeline::{Film, Form, Question, Segmentation};

/// What the query of a request may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choices {
    format: Option<Format>,
    threshold: Option<Threshold>,
    #[serde(default)]
    rle: RleForm,
    #[serde(default)]
    segmentation: Segments,
    #[serde(default)]
    uids: Uids,
}

/// What the pixels of a DICOM segmentation are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Segments {
    #[default]
    Binary,
    Fractional,
}

impl From<Segments> for Kind {
    fn from(segments: Segments) -> Self {
        match segments {
            Segments::Binary => Self::Binary,
            Segments::Fractional => Self::Fractional,
        }
    }
}

/// How the UIDs of a DICOM object are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Uids {
    #[default]
    Random,
    Derived,
}

impl From<Uids> for Naming {
    fn from(uids: Uids) -> Self {
        match uids {
            Uids::Random => Self::Random,
            Uids::Derived => Self::Derived,
        }
    }
}

/// Segments the films in the body.
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
    let asked = choices.format.map(|format| (format, Layout::Plain));
    let (format, layout) = asked.or_else(|| accepted(request.headers())).ok_or(ApiError::NotAcceptable)?;
    let form = form(format, &choices, &app.algorithm);
    let deadline = caller_deadline(arrived, patience(request.headers())?);
    let films = upload::receive_by(deadline, &app, &record, request).await?;
    let deadline = film_deadline(Instant::now(), app.options.request_timeout, deadline);
    let question = Question { threshold: choices.threshold, form, deadline };
    match films {
        Films::One(film) => {
            let segmentation = segmented(&app, film, question).await?;
            Ok(match layout {
                Layout::Plain => answer(segmentation, &app.model, choices.rle, request_id.as_str()),
                Layout::Related => answers(vec![segmentation], &app.model, choices.rle, request_id.as_str()),
            })
        }
        Films::Related(films) => {
            let segmentations = all_segmented(&app, films, &question).await?;
            Ok(answers(segmentations, &app.model, choices.rle, request_id.as_str()))
        }
    }
}

async fn segmented(app: &App, film: Film, question: Question) -> Result<Segmentation, ApiError> {
    let segmentation = app.pipeline.segment(film, question).await?;
    app.metrics.film_segmented(&segmentation);
    Ok(segmentation)
}

/// Segments films one after the other, so that whoever sends several has no more places in the queue than others; up to the
/// first that can't be.
async fn all_segmented(
    app: &App,
    films: Vec<Film>,
    question: &Question,
) -> Result<Vec<Segmentation>, ApiError> {
    let count = films.len();
    let mut segmentations = Vec::with_capacity(count);
    for (film, number) in films.into_iter().zip(1..) {
        let segmentation = segmented(app, film, question.clone()).await;
        segmentations.push(segmentation.map_err(|error| ApiError::Instance {
            number,
            count,
            error: error.into(),
        })?);
    }
    Ok(segmentations)
}

/// What the pipeline has to write for a format. What a choice is not about, it does not change.
fn form(format: Format, choices: &Choices, algorithm: &Arc<Algorithm>) -> Form {
    let kind = match format {
        Format::Json => return Form::Rle,
        Format::Png => return Form::Png,
        Format::Overlay => return Form::Overlay,
        Format::DicomSeg => choices.segmentation.into(),
        Format::DicomSc => Kind::Capture,
        Format::DicomSr => Kind::Report,
    };
    let (naming, algorithm) = (choices.uids.into(), Arc::clone(algorithm));
    Form::Dicom(Wanted { kind, naming, algorithm, now: SystemTime::now() })
}
