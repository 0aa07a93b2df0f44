//! Decides which path does what, and what lies around every handler.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use super::problem::ApiError;
use super::{
    App, documents, early, health, keys, model, observe, oip, origins, pages, sample, segment,
};

/// The whole service. From the outside in: id, log and problems; pages of other origins; panics; bodies that nobody read; and,
/// for the API, keys.
pub fn router(app: Arc<App>) -> Router {
    let api = Router::new()
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
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            keys::guard,
        ));
    let swagger_ui = pages::swagger_ui();
    let browsers = Router::new()
        .route("/", get(pages::page))
        .route("/web/{file}", get(pages::file))
        .route("/docs", get(pages::docs))
        .route("/docs/swagger-ui.css", swagger_ui.clone())
        .route("/docs/swagger-ui-bundle.js", swagger_ui)
        .route("/sample/film.png", get(sample::film))
        .route("/sample/mask.png", get(sample::mask));
    Router::new()
        .merge(api)
        .merge(browsers)
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/v2", get(oip::server))
        .route("/v2/health/live", get(oip::live))
        .route("/v2/health/ready", get(oip::ready))
        .route("/openapi.yaml", get(documents::openapi))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        // The upload counts for itself, to answer in the service's own words.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(early::drain_left_overs))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(origins::layer(&app.access.origins))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            observe::observe,
        ))
        .with_state(app)
}

/// Not what was said is logged: it may quote what somebody sent.
fn panicked(_payload: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    ApiError::Panicked.into_response()
}
