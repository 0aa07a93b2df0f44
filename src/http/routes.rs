//! The table of paths that this service answers.
//!
//! The router, the log and the metrics take the paths from here, and a test compares them with `openapi.yaml`.

/// The operations of the API: each method with the pattern of its path.
pub const ROUTES: [(&str, &str); 14] = [
    ("post", "/v1/segment"),
    ("get", "/v1/model"),
    ("get", "/v2"),
    ("get", "/v2/health/live"),
    ("get", "/v2/health/ready"),
    ("get", "/v2/models/{model}"),
    ("get", "/v2/models/{model}/ready"),
    ("post", "/v2/models/{model}/infer"),
    ("get", "/v2/models/{model}/versions/{version}"),
    ("get", "/v2/models/{model}/versions/{version}/ready"),
    ("post", "/v2/models/{model}/versions/{version}/infer"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/openapi.yaml"),
];

/// The paths for browsers. They answer GET and HEAD.
pub const PAGES: [&str; 7] = [
    "/",
    "/web/{file}",
    "/docs",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/sample/film.png",
    "/sample/mask.png",
];

/// The path below which the Open Inference Protocol is spoken.
const INFERENCE_ROOT: &str = "/v2";

/// Returns the pattern of [`ROUTES`] or [`PAGES`] that equals `pattern`.
pub(crate) fn known(pattern: &str) -> Option<&'static str> {
    let mut patterns = ROUTES.iter().map(|(_, path)| *path).chain(PAGES);
    patterns.find(|path| *path == pattern)
}

/// Returns whether requests to this pattern are audited and need a key where keys are set: it takes films or describes the
/// model.
pub(crate) fn is_api(pattern: &str) -> bool {
    pattern.starts_with("/v1/") || pattern.starts_with("/v2/models/")
}

/// Returns whether `path` belongs to the Open Inference Protocol, also where there is nothing at that path.
pub(crate) fn is_inference(path: &str) -> bool {
    path.strip_prefix(INFERENCE_ROOT)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_patterns_are_known() {
        assert_eq!(known("/v1/segment"), Some("/v1/segment"));
        assert_eq!(known("/docs"), Some("/docs"));
        assert_eq!(known("/v1/segment/"), None);
    }

    #[test]
    fn films_and_models_are_the_api() {
        let api: Vec<_> = ROUTES
            .iter()
            .map(|(_, path)| *path)
            .filter(|path| is_api(path))
            .collect();
        assert_eq!(api.len(), 8);
        assert!(!is_api("/v2/health/ready") && !is_api("/docs"));
    }

    #[test]
    fn the_inference_protocol_has_everything_below_its_root() {
        for path in ["/v2", "/v2/", "/v2/nothing/here"] {
            assert!(is_inference(path), "{path}");
        }
        for path in ["/", "/v1/segment", "/v20", "/docs/v2"] {
            assert!(!is_inference(path), "{path}");
        }
    }
}
