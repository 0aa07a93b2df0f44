//! Decides how the Open Inference Protocol is spoken (version 2, which KServe, Triton and their clients speak): what is told of server
//! and model, and how a request becomes a film.
//!
//! Tensors come and go as JSON, or by the binary extension: `Inference-Header-Content-Length` says how many bytes of the body are JSON, and
//! the tensors that name a `binary_data_size` follow. Nothing else differs from `/v1/segment`: the same admission, budgets, deadlines and
//! pipeline. Errors are `{"error": …}`.

mod data;
mod metadata;
mod request;
mod response;

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

pub(super) use self::metadata::{live, model, model_ready, ready, server};
use self::request::{Inference, Misunderstood};
use super::admission::admit;
use super::audit::Record;
use super::deadline::{caller_deadline, film_deadline, patience};
use super::headers::JSON_BYTES;
use super::outgoing::Outgoing;
use super::problem::ApiError;
use super::request_id::RequestId;
use super::{App, upload};
use lungfield_engine::pipeline::{Form, Question, Segmentation, Written};

/// The model that a path names, and perhaps its version. What is no text names none.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Named {
    model: String,
    version: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named = Path::<Self>::from_request_parts(parts, state).await;
        named
            .map(|Path(named)| named)
            .map_err(|_| ApiError::UnknownModel)
    }
}

impl Named {
    /// Whether it is the one that is served.
    fn check(&self, app: &App) -> Result<(), ApiError> {
        let version = self.version.as_ref();
        if self.model == app.model.name
            && version.is_none_or(|version| *version == app.model.version)
        {
            Ok(())
        } else {
            Err(ApiError::UnknownModel)
        }
    }
}

/// Segments the film of a request.
pub(super) async fn infer(
    State(app): State<Arc<App>>,
    named: Named,
    Extension(request_id): Extension<RequestId>,
    Extension(record): Extension<Arc<Record>>,
    request: Request,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    named.check(&app)?;
    admit(&app)?;
    let json_bytes = json_bytes(request.headers())?;
    let caller = caller_deadline(arrived, patience(request.headers())?);
    let body = upload::receive_whole_by(caller, &app, request).await?;
    let deadline = film_deadline(Instant::now(), app.options.request_timeout, caller);
    let read = move || {
        // Half a second for a large film in JSON.
        let inference = request::read(body.bytes.clone(), json_bytes).map_err(refused)?;
        body.account_for(&inference.film, &record)?;
        Ok::<_, ApiError>((inference, body))
    };
    let reading = async {
        app.pipeline
            .blocking(tracing::info_span!("parse"), read)
            .await?
    };
    let (inference, _body) = upload::by(Some(deadline), reading).await?;
    let Inference {
        id,
        film,
        threshold,
        outputs,
    } = inference;
    let question = Question {
        threshold,
        form: Form::Samples,
        deadline,
    };
    let owner = Arc::clone(&app);
    let frame = move |segmentation: &Segmentation| {
        result(segmentation, id.as_deref(), &owner).frame(&outputs)
    };
    let (segmentation, framed) = app.pipeline.segment_and(film, question, frame).await?;
    app.metrics.film_segmented(&segmentation);
    Outgoing::new(&app, &request_id).framed(&segmentation.timings, framed.bytes, framed.json_bytes)
}

/// What there is to answer with.
fn result<'a>(
    segmentation: &'a Segmentation,
    id: Option<&'a str>,
    app: &'a App,
) -> response::Result<'a> {
    let codes: Vec<_> = segmentation
        .warnings
        .iter()
        .map(|warning| warning.code())
        .collect();
    let Written::Samples(ref mask) = segmentation.mask else {
        unreachable!("it was asked for as samples")
    };
    response::Result {
        model_name: &app.model.name,
        model_version: &app.model.version,
        id,
        threshold: segmentation.threshold.get(),
        warnings: codes.join(","),
        size: segmentation.size,
        mask,
        dice: segmentation
            .overlap
            .map(lungfield_radiograph::overlap::Overlap::dice),
    }
}

fn refused(Misunderstood(words): Misunderstood) -> ApiError {
    ApiError::InvalidInference(words)
}

/// How many bytes of the body are JSON, where the request says so.
fn json_bytes(headers: &HeaderMap) -> Result<Option<usize>, ApiError> {
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity")
    {
        return Err(ApiError::Compressed);
    }
    let Some(value) = headers.get(JSON_BYTES) else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    let number = number.ok_or_else(|| {
        ApiError::InvalidInference(
            "`Inference-Header-Content-Length` is not a number of bytes".to_owned(),
        )
    });
    number.map(Some)
}

/// The headers of an answer of which so many bytes are JSON.
pub(super) fn framing(json_bytes: Option<usize>) -> HeaderMap {
    let media = if json_bytes.is_some() {
        "application/octet-stream"
    } else {
        "application/json"
    };
    let mut headers =
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media))]);
    headers.extend(json_bytes.map(|bytes| (JSON_BYTES, HeaderValue::from(bytes))));
    headers
}
