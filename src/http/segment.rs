//! The handler of `/v1/segment`: films in, their results out.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use serde::Deserialize;

use super::admission::admit;
use super::audit::Record;
use super::deadline::{caller_deadline, film_deadline, patience};
use super::negotiate::{Choice, Envelope, NamedFormat, accepted};
use super::problem::ApiError;
use super::related::Films;
use super::request_id::RequestId;
use super::responder::Responder;
use super::{App, upload};
use lungfield_codec::dicom::{Provenance, SegmentationType, UidPolicy};
use lungfield_codec::rendering::{
    CountsForm, DocumentOptions, ReferenceUse, Rendering, RenderingOptions,
};
use lungfield_engine::pipeline::{Film, Rendered, SegmentOptions, Timings};
use lungfield_radiograph::mask::Threshold;

/// The query of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentQuery {
    format: Option<NamedFormat>,
    threshold: Option<Threshold>,
    #[serde(default)]
    rle: CountsForm,
    #[serde(default)]
    reference: ReferenceUse,
    #[serde(default)]
    segmentation: SegmentationType,
    #[serde(default)]
    uids: UidPolicy,
}

impl SegmentQuery {
    /// Returns the options of all renderings. An option that does not concern the chosen one is ignored.
    fn rendering_options(&self, app: &App) -> RenderingOptions {
        RenderingOptions {
            document: DocumentOptions {
                counts: self.rle,
                reference: self.reference,
            },
            segmentation: self.segmentation,
            provenance: Provenance {
                model: app.model.identity.clone(),
                software_version: env!("CARGO_PKG_VERSION").to_owned(),
                uids: self.uids,
                now: SystemTime::now(),
            },
        }
    }
}

/// What is asked of each film of a request.
struct FilmRequest {
    rendering: Rendering,
    options: SegmentOptions,
}

/// Segments the films in the body.
pub(super) async fn segment(
    State(app): State<Arc<App>>,
    Extension(request_id): Extension<RequestId>,
    Extension(record): Extension<Arc<Record>>,
    query: Result<Query<SegmentQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    admit(&app)?;
    let Query(query) = query.map_err(|rejection| ApiError::InvalidQuery(rejection.body_text()))?;
    let named = query.format.map(|NamedFormat(format)| Choice {
        format,
        envelope: Envelope::Single,
    });
    let choice = named
        .or_else(|| accepted(request.headers()))
        .ok_or(ApiError::NotAcceptable)?;
    let deadline = caller_deadline(arrived, patience(request.headers())?);
    let films = upload::receive_by(deadline, &app, &record, request).await?;
    let film_request = FilmRequest {
        rendering: choice.format.rendering(query.rendering_options(&app)),
        options: SegmentOptions {
            threshold: query.threshold,
            deadline: film_deadline(Instant::now(), app.options.request_timeout, deadline),
        },
    };
    let responder = Responder::new(&app, &request_id);
    match films {
        Films::One(film) if choice.envelope == Envelope::Single => {
            responder.one(render(&app, film, &film_request).await?)
        }
        Films::One(film) => render_all(&app, vec![film], &film_request, responder).await,
        Films::Related(films) => render_all(&app, films, &film_request, responder).await,
    }
}

/// Renders one film, and counts it where it was segmented.
async fn render(app: &App, film: Film, request: &FilmRequest) -> Result<Rendered, ApiError> {
    let rendering = request.rendering.clone();
    let rendered = app
        .pipeline
        .render(film, rendering, request.options)
        .await?;
    if let Some(segmentation) = &rendered.segmentation {
        app.metrics.film_segmented(segmentation, rendered.timings);
    }
    Ok(rendered)
}

/// Renders films one after the other, up to the first that fails, so that a request of several has no more places in the queue than
/// others.
async fn render_all(
    app: &App,
    films: Vec<Film>,
    request: &FilmRequest,
    mut responder: Responder<'_>,
) -> Result<Response, ApiError> {
    let count = films.len();
    let (mut parts, mut timings) = (Vec::with_capacity(count), Timings::default());
    for (film, number) in films.into_iter().zip(1..) {
        let part = render(app, film, request).await.and_then(|rendered| {
            timings = timings.plus(rendered.timings);
            responder.buffer_part(rendered)
        });
        parts.push(part.map_err(|error| error.for_instance(number, count))?);
    }
    responder.all(parts, &timings)
}
