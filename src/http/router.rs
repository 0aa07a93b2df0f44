//! The router of callers: which handler answers which path, and the middleware around them.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use super::middleware::keys::require_key;
use super::middleware::observe::observe;
use super::middleware::origins;
use super::middleware::unread::drain_unread;
use super::pages::{self, documents, sample};
use super::problem::ApiError;
use super::{App, health, model, oip, segment};

/// Returns the router of the whole service.
///
/// The middleware, from the outside in: context, log and problems; cross-origin requests; panics; bodies that nobody read; and, for
/// the API, keys.
///
/// # Examples
/// A service around a segmenter without a network says that it is ready:
/// ```
/// use axum::body::Body;
/// use axum::http::{Request, StatusCode};
/// use clap::Parser;
/// use lungfield::config::ServeSettings;
/// use lungfield::http::{Access, App, ModelCard, Phase, UploadLimits, router};
/// use lungfield_codec::Limits;
/// use lungfield_engine::fake::{Behaviour, FakeSegmenter};
/// use lungfield_engine::pipeline::Pipeline;
/// use lungfield_engine::Engine;
/// use lungfield_model::LoadOptions;
/// use lungfield_model::device::Placement;
/// use lungfield_model::manifest::Manifest;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> anyhow::Result<()> {
/// let settings = ServeSettings::parse_from(["lungfield-serve"]);
/// let placement = Placement::cpu();
/// let engine = Engine::start(
///     LoadOptions::new(placement).engine,
///     [|| Ok::<_, std::io::Error>(FakeSegmenter::new(Behaviour::Echo))],
/// )?;
/// let manifest = Manifest::read("models/lungfield-segnet".as_ref())?;
/// let limits = Limits::default();
/// let pipeline = Pipeline::new(engine, manifest.preprocessor()?, manifest.threshold, limits, 1);
///
/// let card = ModelCard::new(&manifest, placement, 1, UploadLimits {
///     max_body_bytes: settings.http.max_body_bytes,
///     max_pixels: limits.max_pixels,
/// });
/// let (_phase, phase) = tokio::sync::watch::channel(Phase::Serving);
/// let app = App::new(pipeline, settings.http, Access::default(), card, phase);
///
/// let request = Request::get("/health/ready").body(Body::empty())?;
/// let response = router(app).oneshot(request).await?;
/// assert_eq!(response.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(api(&app))
        .merge(browsers())
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/v2", get(oip::server))
        .route("/v2/health/live", get(oip::live))
        .route("/v2/health/ready", get(oip::ready))
        .route("/openapi.yaml", get(documents::openapi))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        // The extractors of bodies have a limit of their own, whose error is a problem.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(drain_unread))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(origins::layer(&app.access.origins))
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

/// Returns the paths that take films or describe the model. They need a key where the server has keys.
fn api(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/v1/segment", post(segment::segment))
        .route("/v1/model", get(model::model))
        .route("/v2/models/{model}", get(oip::model))
        .route("/v2/models/{model}/ready", get(oip::model_ready))
        .route("/v2/models/{model}/infer", post(oip::infer))
        .route("/v2/models/{model}/versions/{version}", get(oip::model))
        .route(
            "/v2/models/{model}/versions/{version}/ready",
            get(oip::model_ready),
        )
        .route(
            "/v2/models/{model}/versions/{version}/infer",
            post(oip::infer),
        )
        .route_layer(from_fn_with_state(Arc::clone(app), require_key))
}

/// Returns the paths for browsers.
fn browsers() -> Router<Arc<App>> {
    let swagger_ui = pages::swagger_ui();
    Router::new()
        .route("/", get(pages::page))
        .route("/web/{file}", get(pages::file))
        .route("/docs", get(pages::docs))
        .route("/docs/swagger-ui.css", swagger_ui.clone())
        .route("/docs/swagger-ui-bundle.js", swagger_ui)
        .route("/sample/film.png", get(sample::film))
        .route("/sample/mask.png", get(sample::mask))
}

/// Responds to a panic. Its message is not logged: it may quote what a caller sent.
fn panicked(_payload: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    ApiError::Panicked.into_response()
}
