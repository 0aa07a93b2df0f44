//! Serves the Open Inference Protocol (version 2, as KServe, Triton and their clients use it): the description of server and model, and
//! inference.
//!
//! Tensors are sent as JSON, or by the binary extension: `Inference-Header-Content-Length` is the number of bytes of the body that are
//! JSON, and the tensors that state a `binary_data_size` follow. Everything else is as for `/v1/segment`: admission, budgets, deadlines
//! and pipeline. Errors are `{"error": …}`.

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
use self::request::{Inference, InvalidRequest};
use super::admission::admit;
use super::audit::Record;
use super::deadline::{caller_deadline, film_deadline, patience};
use super::headers::JSON_BYTES;
use super::problem::ApiError;
use super::request_id::RequestId;
use super::responder::Responder;
use super::{App, upload};
use lungfield_codec::ModelIdentity;
use lungfield_codec::rendering::{SegmentedFilm, samples};
use lungfield_engine::pipeline::SegmentOptions;
use lungfield_radiograph::overlap::Overlap;

/// The model that a path names, and perhaps its version. A name that is not UTF-8 is that of no model.
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
    /// Refuses any model but the one that is served.
    fn check(&self, app: &App) -> Result<(), ApiError> {
        let version = self.version.as_ref();
        if self.model == app.model.identity.name
            && version.is_none_or(|version| *version == app.model.identity.version)
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
    Responder::new(&app, &request_id).framed(&inferred.timings, framed.bytes, framed.json_bytes)
}

/// Makes the answer to an inference, of which `mask` are the samples.
fn answer<'a>(
    result: &SegmentedFilm<'_>,
    mask: &'a [u8],
    id: Option<&'a str>,
    model: &'a ModelIdentity,
) -> response::Answer<'a> {
    let codes: Vec<_> = result
        .warnings
        .iter()
        .map(|warning| warning.code())
        .collect();
    response::Answer {
        model,
        id,
        threshold: result.threshold.get(),
        warnings: codes.join(","),
        size: result.mask.size(),
        mask,
        dice: result.overlap.map(Overlap::dice),
    }
}

fn refused(InvalidRequest(detail): InvalidRequest) -> ApiError {
    ApiError::InvalidInference(detail)
}

/// Returns how many bytes of the body are JSON, where the request states it.
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

/// Returns the headers of an answer whose first `json_bytes` are JSON; of one that is all JSON where it is `None`.
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
