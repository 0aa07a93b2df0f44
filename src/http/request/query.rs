//! The query of a request.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::problem::ApiError;

/// An extractor for a query. One that cannot be parsed is a problem like any other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApiQuery<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(ApiError::InvalidQuery(rejection.body_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Size {
        width: u8,
    }

    async fn parse(uri: &str) -> Result<Size, ApiError> {
        let (mut parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
        let query = ApiQuery::from_request_parts(&mut parts, &()).await;
        query.map(|ApiQuery(size)| size)
    }

    #[tokio::test]
    async fn a_query_is_parsed_or_refused_as_a_problem() {
        assert_eq!(parse("/?width=7").await.unwrap(), Size { width: 7 });
        for bad in ["/", "/?width=-1", "/?width=7&height=7", "/?width=7&width=7"] {
            let error = parse(bad).await.unwrap_err();
            assert_eq!(error.kind().1, "invalid_query", "{bad}");
        }
    }
}
