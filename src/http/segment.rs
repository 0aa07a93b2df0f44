//! Decides what `/v1/segment` does: films in, their masks out.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use serde::Deserialize;

use super::admission::admit;
use super::audit::Record;
use super::deadline::{caller_deadline, film_deadline, patience};
use super::negotiate::{Format, Layout, accepted};
use super::outgoing::{Outgoing, Waiting, decoded_in};
use super::problem::ApiError;
use super::related::Films;
use super::request_id::RequestId;
use super::{App, upload};
use lungfield_codec::dicom::{Algorithm, Kind, Naming, Wanted};
use lungfield_engine::pipeline::{Film, Form, Question, Segmentation, Timings};
use lungfield_radiograph::mask::Threshold;

/// What the query of a request may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choices {
    format: Option<Format>,
    threshold: Option<Threshold>,
    #[serde(default)]
    rle: RleForm,
    #[serde(default)]
    reference: Reference,
    #[serde(default)]
    segmentation: Segments,
    #[serde(default)]
    uids: Uids,
}

/// How the counts of an RLE are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RleForm {
    /// As COCO's compressed string.
    #[default]
    Compressed,
    /// As a list of numbers.
    Counts,
}

/// What becomes of the reference mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reference {
    /// The mask is measured against it.
    #[default]
    Compare,
    /// The same, and the JSON answer has it as it was read.
    Echo,
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
    let Query(choices) =
        choices.map_err(|rejection| ApiError::InvalidQuery(rejection.body_text()))?;
    let asked = choices.format.map(|format| (format, Layout::Plain));
    let (format, layout) = asked
        .or_else(|| accepted(request.headers()))
        .ok_or(ApiError::NotAcceptable)?;
    let deadline = caller_deadline(arrived, patience(request.headers())?);
    let films = upload::receive_by(deadline, &app, &record, request).await?;
    let deadline = film_deadline(Instant::now(), app.options.request_timeout, deadline);
    let outgoing = Outgoing::new(&app, &request_id);
    let Some(form) = form(format, &choices, &app.algorithm) else {
        return shown(&app, films, deadline, outgoing).await;
    };
    let question = Question {
        threshold: choices.threshold,
        form,
        deadline,
    };
    let films = match films {
        Films::One(film) if layout == Layout::Plain => {
            return outgoing.one(segmented(&app, film, question).await?);
        }
        Films::One(film) => vec![film],
        Films::Related(films) => films,
    };
    all_segmented(&app, films, &question, outgoing).await
}

/// Films to look at: the model is not asked.
async fn shown(
    app: &App,
    films: Films,
    deadline: Instant,
    outgoing: Outgoing<'_>,
) -> Result<Response, ApiError> {
    match films {
        Films::One(film) => outgoing.picture(app.pipeline.picture(film, deadline).await?),
        Films::Related(films) => all_shown(app, films, deadline, outgoing).await,
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
    mut outgoing: Outgoing<'_>,
) -> Result<Response, ApiError> {
    let count = films.len();
    let (mut waiting, mut timings) = (Vec::with_capacity(count), Timings::default());
    for (film, number) in films.into_iter().zip(1..) {
        let segmentation = segmented(app, film, question.clone()).await;
        let answer = segmentation.and_then(|segmentation| {
            timings = timings.plus(segmentation.timings);
            outgoing.wait(segmentation)
        });
        waiting.push(answer.map_err(|error| error.of_instance(number, count))?);
    }
    outgoing.all(waiting, &timings)
}

/// The same for films to look at.
async fn all_shown(
    app: &App,
    films: Vec<Film>,
    deadline: Instant,
    mut outgoing: Outgoing<'_>,
) -> Result<Response, ApiError> {
    let count = films.len();
    let (mut waiting, mut decode) = (Vec::<Waiting<'_>>::with_capacity(count), Duration::ZERO);
    for (film, number) in films.into_iter().zip(1..) {
        let picture = app
            .pipeline
            .picture(film, deadline)
            .await
            .map_err(ApiError::from);
        let answer = picture.and_then(|picture| {
            decode += picture.decode;
            outgoing.wait_for_picture(picture)
        });
        waiting.push(answer.map_err(|error| error.of_instance(number, count))?);
    }
    outgoing.all(waiting, &decoded_in(decode))
}

/// What the pipeline has to write for a format; `None` for that of the film alone. What a choice is not about, it does not change.
fn form(format: Format, choices: &Choices, algorithm: &Arc<Algorithm>) -> Option<Form> {
    let kind = match format {
        Format::Film => return None,
        Format::Json => {
            return Some(Form::Rle {
                plain: choices.rle == RleForm::Counts,
                with_reference: choices.reference == Reference::Echo,
            });
        }
        Format::Png => return Some(Form::Png),
        Format::Overlay => return Some(Form::Overlay),
        Format::DicomSeg => choices.segmentation.into(),
        Format::DicomSc => Kind::Capture,
        Format::DicomSr => Kind::Report,
    };
    let (naming, algorithm) = (choices.uids.into(), Arc::clone(algorithm));
    Some(Form::Dicom(Wanted {
        kind,
        naming,
        algorithm,
        now: SystemTime::now(),
    }))
}
