//! The handler of `/v1/segment`: films in, their results out.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::response::Response;
use lungfield_codec::rendering::Rendering;
use lungfield_engine::pipeline::{Film, Rendered, SegmentOptions, Timings};

use super::App;
use super::problem::ApiError;
use super::request::admission::Admitted;
use super::request::body::Upload;
use super::request::negotiate::Envelope;
use super::request::options::RequestOptions;
use super::request::related::Films;
use super::response::responder::Responder;

/// What is asked of each film of a request.
struct FilmRequest {
    rendering: Rendering,
    options: SegmentOptions,
}

/// Segments the films in the body.
pub(crate) async fn segment(
    State(app): State<Arc<App>>,
    _: Admitted,
    options: RequestOptions,
    upload: Upload,
) -> Result<Response, ApiError> {
    let request = FilmRequest {
        rendering: options.rendering(&app.model.identity, SystemTime::now()),
        options: SegmentOptions {
            threshold: options.threshold(),
            deadline: upload.deadline,
        },
    };
    let responder = Responder::new(&app, &upload.context.id);
    match upload.films {
        Films::One(film) if options.envelope() == Envelope::Single => {
            responder.one(render(&app, film, &request).await?)
        }
        Films::One(film) => render_all(&app, vec![film], &request, responder).await,
        Films::Related(films) => render_all(&app, films, &request, responder).await,
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
