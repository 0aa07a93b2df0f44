//! The flag that says where traces are sent.

use clap::Args;

/// Where traces are sent.
#[derive(Clone, Debug, Args)]
pub struct TraceSettings {
    /// A collector to which traces are sent, by OTLP over HTTP, as in `http://127.0.0.1:4318`; by default they are not.
    #[arg(long, env = "LUNGFIELD_OTLP_ENDPOINT", value_name = "URL", value_parser = collector)]
    pub otlp_endpoint: Option<String>,
}

/// Completes the address of a collector with the path where it takes traces.
fn collector(text: &str) -> Result<String, String> {
    let base = text.trim_end_matches('/');
    match base.strip_prefix("http://") {
        Some(rest) if !rest.is_empty() => Ok(format!("{base}/v1/traces")),
        _ => Err(
            "it must be http:// and a host; for a collector over TLS, run one beside the server that forwards to it"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_a_host_over_plain_http() {
        for good in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/"] {
            assert_eq!(
                collector(good).as_deref(),
                Ok("http://127.0.0.1:4318/v1/traces")
            );
        }
        for bad in ["127.0.0.1:4318", "https://collector", "http://"] {
            assert!(collector(bad).is_err(), "{bad}");
        }
    }
}
