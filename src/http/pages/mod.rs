//! What a browser is shown: the page, the description of the API, and the sample. All of it is in the program, and loads nothing
//! from anywhere else.

pub(crate) mod documents;
pub(crate) mod sample;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get_service};
use sha2::{Digest, Sha256};
use swagger_ui_dist::{ApiDefinition, OpenApiSource, generate_routes};
use tower::util::MapResponse;

use super::problem::ApiError;

/// A file of the page.
#[derive(Clone, Copy, Debug)]
struct Asset {
    name: &'static str,
    text: &'static str,
    policy: Option<&'static str>,
}

/// The policy of the page: it may run its own scripts, send requests to this server, and show what its scripts make.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The policy of Swagger UI, which also writes styles into its elements and has pictures in its style sheet.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Embeds a file of `web`.
macro_rules! asset {
    ($name:literal, $policy:expr) => {
        Asset {
            name: $name,
            text: include_str!(concat!("../../../web/", $name)),
            policy: $policy,
        }
    };
}

/// Embeds several files of `web`.
macro_rules! assets {
    ($($name:literal),+ $(,)?) => {
        &[$(asset!($name, None)),+]
    };
}

const PAGE: Asset = asset!("index.html", Some(PAGE_POLICY));
const DOCS: Asset = asset!("docs.html", Some(DOCS_POLICY));

/// The other files of the page.
const FILES: &[Asset] = assets![
    "api.js",
    "base.css",
    "curl.js",
    "dialog.js",
    "docs.js",
    "dom.js",
    "download.js",
    "file_input.js",
    "films.js",
    "findings.js",
    "gestures.js",
    "icon.svg",
    "layers.js",
    "layout.css",
    "limiter.js",
    "list.js",
    "main.js",
    "pairing.js",
    "panels.css",
    "rle.js",
    "segmentation.js",
    "text.js",
    "view.js",
    "viewer.css",
    "viewer.js",
];

/// Responds with the page.
pub(crate) async fn page(headers: HeaderMap) -> Response {
    PAGE.respond(&headers)
}

/// Responds with Swagger UI, which shows the description of the API.
pub(crate) async fn docs(headers: HeaderMap) -> Response {
    DOCS.respond(&headers)
}

/// Responds with a file that one of the two pages loads.
pub(crate) async fn file(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_not_text| ApiError::NotFound)?;
    let asset = FILES.iter().find(|asset| asset.name == name);
    asset
        .map(|asset| asset.respond(&headers))
        .ok_or(ApiError::NotFound)
}

/// Serves the files of Swagger UI. Its own page is not served: it has an inline script, which the policy forbids.
pub(crate) fn swagger_ui<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    let routes = generate_routes(ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/openapi.yaml"),
        title: None,
    });
    get_service(MapResponse::new(routes, |mut response: Response| {
        let one_hour = HeaderValue::from_static("public, max-age=3600");
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, one_hour);
        response
    }))
}

impl Asset {
    /// Returns the media type, by the extension of the name.
    fn media_type(&self) -> &'static str {
        match self.name.rsplit_once('.') {
            Some((_, "html")) => "text/html; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }

    /// Responds with the file, or with 304 where the browser has it already.
    fn respond(&self, headers: &HeaderMap) -> Response {
        let hash = base16ct::lower::encode_string(&Sha256::digest(self.text)[..16]);
        let tag = format!("\"{hash}\"");
        let mut response = if is_cached(&tag, headers) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.media_type())], self.text).into_response()
        };
        let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits are visible ASCII");
        let headers = response.headers_mut();
        headers.insert(header::ETAG, tag);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(policy) = self.policy {
            headers.insert(
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(policy),
            );
        }
        response
    }
}

/// Returns whether the browser has a response with this tag (RFC 9110, 13.1.2): `If-None-Match` lists it, perhaps weakened by a
/// proxy, or is `*`.
fn is_cached(tag: &str, headers: &HeaderMap) -> bool {
    let lists = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|list| list.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_of_the_page_is_served_with_its_type() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
        let present = fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let served: Vec<_> = FILES.iter().chain([&PAGE, &DOCS]).collect();
        assert_eq!(
            present.collect::<BTreeSet<_>>(),
            served.iter().map(|asset| asset.name.to_owned()).collect()
        );
        for asset in served {
            assert!(
                asset.media_type() != "application/octet-stream",
                "{}",
                asset.name
            );
        }
    }

    #[test]
    fn the_page_is_small() {
        let files = FILES.iter().filter(|asset| asset.name != "docs.js");
        let bytes: usize = files.chain([&PAGE]).map(|asset| asset.text.len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes");
    }

    #[test]
    fn a_browser_that_has_a_file_is_not_sent_it_again() {
        let first = PAGE.respond(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let seen =
            HeaderMap::from_iter([(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone())]);
        assert_eq!(PAGE.respond(&seen).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(DOCS.respond(&seen).status(), StatusCode::OK);
    }
}
