//! The options of a request to `/v1/segment`: its query, and the renderings that it accepts.

use std::time::SystemTime;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use lungfield_codec::ModelIdentity;
use lungfield_codec::dicom::{Provenance, SegmentationType, UidPolicy};
use lungfield_codec::rendering::{
    CountsForm, DocumentOptions, ReferenceUse, Rendering, RenderingOptions,
};
use lungfield_radiograph::mask::Threshold;
use serde::Deserialize;

use super::negotiate::{self, Choice, Envelope, NamedFormat};
use super::query::ApiQuery;
use crate::http::problem::ApiError;

/// The query of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentQuery {
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

/// An extractor for the options of a request. The query is refused before `Accept` is.
#[derive(Debug)]
pub(crate) struct RequestOptions {
    query: SegmentQuery,
    choice: Choice,
}

impl<S: Sync> FromRequestParts<S> for RequestOptions {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let ApiQuery(query) = ApiQuery::<SegmentQuery>::from_request_parts(parts, state).await?;
        let named = query.format.map(|NamedFormat(format)| Choice {
            format,
            envelope: Envelope::Single,
        });
        let choice = named.or_else(|| negotiate::accepted(&parts.headers));
        let choice = choice.ok_or_else(|| ApiError::NotAcceptable {
            media_types: negotiate::media_types(),
        })?;
        Ok(Self { query, choice })
    }
}

impl RequestOptions {
    /// Returns the threshold of the request, where it states one.
    pub(crate) fn threshold(&self) -> Option<Threshold> {
        self.query.threshold
    }

    /// Returns what contains the result of one film.
    pub(crate) fn envelope(&self) -> Envelope {
        self.choice.envelope
    }

    /// Returns the rendering of a result of `model` at `now`. Options that do not concern it are ignored.
    pub(crate) fn rendering(&self, model: &ModelIdentity, now: SystemTime) -> Rendering {
        let SegmentQuery {
            rle,
            reference,
            segmentation,
            uids,
            ..
        } = self.query;
        self.choice.format.rendering(RenderingOptions {
            document: DocumentOptions {
                counts: rle,
                reference,
            },
            segmentation,
            provenance: Provenance {
                model: model.clone(),
                software_version: env!("CARGO_PKG_VERSION").to_owned(),
                uids,
                now,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{Request, header};

    use super::*;

    async fn options(uri: &str, accept: &str) -> Result<RequestOptions, &'static str> {
        let request = Request::get(uri).header(header::ACCEPT, accept);
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let options = RequestOptions::from_request_parts(&mut parts, &()).await;
        options.map_err(|error| error.kind().1)
    }

    #[tokio::test]
    async fn the_query_takes_precedence_over_accept() {
        let named = options("/?format=overlay&threshold=0.25", "text/html").await;
        let named = named.unwrap();
        assert_eq!(named.choice.format.name, "overlay");
        assert_eq!(named.threshold().map(Threshold::get), Some(0.25));
        assert_eq!(named.envelope(), Envelope::Single);
        let accepted = options("/", "image/png").await.unwrap();
        assert_eq!(accepted.choice.format.name, "png");
        assert_eq!(accepted.threshold(), None);
    }

    #[tokio::test]
    async fn a_bad_query_is_refused_before_a_bad_accept() {
        let refused = options("/?threshold=2", "text/html").await;
        assert_eq!(refused.unwrap_err(), "invalid_query");
        let refused = options("/?threshold=0.5", "text/html").await;
        assert_eq!(refused.unwrap_err(), "not_acceptable");
    }
}
