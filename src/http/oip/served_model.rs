//! The model that a path names.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::Deserialize;

use crate::http::App;
use crate::http::problem::ApiError;

/// An extractor that refuses a path which names another model, or another version, than the one that is served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServedModel;

/// The parameters of a path. A name that is not UTF-8 is that of no model.
#[derive(Debug, Deserialize)]
struct Named {
    model: String,
    version: Option<String>,
}

impl FromRequestParts<Arc<App>> for ServedModel {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let named = Path::<Named>::from_request_parts(parts, app).await;
        let Path(Named { model, version }) = named.map_err(|_| ApiError::UnknownModel)?;
        let served = &app.model.identity;
        if model == served.name && version.is_none_or(|version| version == served.version) {
            Ok(Self)
        } else {
            Err(ApiError::UnknownModel)
        }
    }
}
