//! Decides what a browser is shown: the page, and the description of the API to look at. All of it is in the program, and nothing of
//! it is loaded from anywhere else.

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
    media: &'static str,
    text: &'static str,
    policy: Option<&'static str>,
}

/// What the page may do: run its own scripts, ask this server, and show what they have made.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The same for Swagger UI, which writes styles into its elements and has pictures in its style sheet.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const PAGE: Asset = Asset {
    media: HTML,
    text: include_str!("../../web/index.html"),
    policy: Some(PAGE_POLICY),
};
const DOCS: Asset = Asset {
    media: HTML,
    text: include_str!("../../web/docs.html"),
    policy: Some(DOCS_POLICY),
};

/// The other files of the page, by their names.
const FILES: [(&str, &str, &str); 25] = [
    ("api.js", SCRIPT, include_str!("../../web/api.js")),
    ("base.css", CSS, include_str!("../../web/base.css")),
    ("curl.js", SCRIPT, include_str!("../../web/curl.js")),
    ("dialog.js", SCRIPT, include_str!("../../web/dialog.js")),
    ("docs.js", SCRIPT, include_str!("../../web/docs.js")),
    ("dom.js", SCRIPT, include_str!("../../web/dom.js")),
    ("download.js", SCRIPT, include_str!("../../web/download.js")),
    (
        "file_input.js",
        SCRIPT,
        include_str!("../../web/file_input.js"),
    ),
    ("films.js", SCRIPT, include_str!("../../web/films.js")),
    ("findings.js", SCRIPT, include_str!("../../web/findings.js")),
    ("gestures.js", SCRIPT, include_str!("../../web/gestures.js")),
    ("icon.svg", SVG, include_str!("../../web/icon.svg")),
    ("layers.js", SCRIPT, include_str!("../../web/layers.js")),
    ("layout.css", CSS, include_str!("../../web/layout.css")),
    ("limiter.js", SCRIPT, include_str!("../../web/limiter.js")),
    ("list.js", SCRIPT, include_str!("../../web/list.js")),
    ("main.js", SCRIPT, include_str!("../../web/main.js")),
    ("pairing.js", SCRIPT, include_str!("../../web/pairing.js")),
    ("panels.css", CSS, include_str!("../../web/panels.css")),
    ("rle.js", SCRIPT, include_str!("../../web/rle.js")),
    (
        "segmentation.js",
        SCRIPT,
        include_str!("../../web/segmentation.js"),
    ),
    ("text.js", SCRIPT, include_str!("../../web/text.js")),
    ("view.js", SCRIPT, include_str!("../../web/view.js")),
    ("viewer.css", CSS, include_str!("../../web/viewer.css")),
    ("viewer.js", SCRIPT, include_str!("../../web/viewer.js")),
];

/// The page.
pub(super) async fn page(headers: HeaderMap) -> Response {
    PAGE.answer(&headers)
}

/// The description of the API, to look at and to try.
pub(super) async fn docs(headers: HeaderMap) -> Response {
    DOCS.answer(&headers)
}

/// A file that one of the two asks for.
pub(super) async fn file(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_no_text| ApiError::NotFound)?;
    let found = FILES.iter().find(|(file, ..)| *file == name);
    let &(_, media, text) = found.ok_or(ApiError::NotFound)?;
    Ok(Asset {
        media,
        text,
        policy: None,
    }
    .answer(&headers))
}

/// The files of Swagger UI's own. Its page is not shown: it has a script in its text, which no policy of ours allows.
pub(super) fn swagger_ui<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    let routes = generate_routes(ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/openapi.yaml"),
        title: None,
    });
    get_service(MapResponse::new(routes, |mut response: Response| {
        let hour = HeaderValue::from_static("public, max-age=3600");
        response.headers_mut().insert(header::CACHE_CONTROL, hour);
        response
    }))
}

impl Asset {
    /// The file, or that it is still the one which the browser has.
    fn answer(self, headers: &HeaderMap) -> Response {
        let tag = format!(
            "\"{}\"",
            base16ct::lower::encode_string(&Sha256::digest(self.text)[..16])
        );
        let mut answer = if is_known(&tag, headers) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.media)], self.text).into_response()
        };
        let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits are visible ASCII");
        answer.headers_mut().insert(header::ETAG, tag);
        answer
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(policy) = self.policy {
            answer.headers_mut().insert(
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(policy),
            );
        }
        answer
    }
}

/// Whether the browser has what goes by this tag (RFC 9110, 13.1.2): one of a list, perhaps weakened by a proxy on its way, or any.
fn is_known(tag: &str, headers: &HeaderMap) -> bool {
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
    fn every_file_of_the_page_is_handed_out() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
        let there = fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let there: BTreeSet<_> = there.map(|name| name.into_string().unwrap()).collect();
        let pages = ["index.html", "docs.html"];
        let handed: BTreeSet<_> = FILES
            .iter()
            .map(|(name, ..)| *name)
            .chain(pages)
            .map(str::to_owned)
            .collect();
        assert_eq!(there, handed);
    }

    #[test]
    fn the_page_is_small() {
        let files = FILES
            .iter()
            .filter(|(name, ..)| *name != "docs.js")
            .map(|(_, _, text)| text.len());
        let bytes = files.sum::<usize>() + PAGE.text.len();
        assert!(bytes < 100_000, "{bytes} bytes");
    }

    #[test]
    fn a_browser_that_has_a_file_is_not_sent_it_again() {
        let first = PAGE.answer(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let seen =
            HeaderMap::from_iter([(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone())]);
        assert_eq!(PAGE.answer(&seen).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(DOCS.answer(&seen).status(), StatusCode::OK);
    }
}
