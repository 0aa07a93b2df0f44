//! The settings of `lungfield-serve` for access: keys, TLS, origins, the listener for operators and the audit log.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Who may send requests, how, and what is logged of them.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Access")]
pub struct AccessSettings {
    /// A file of API keys; with it every request to /v1 must show one (`Authorization: Bearer KEY`). A line is a name and the
    /// SHA-256 of a key in hexadecimal; `#` begins a comment.
    #[arg(long, env = "LUNGFIELD_API_KEYS", value_name = "FILE")]
    pub api_keys: Option<PathBuf>,
    /// The server's certificate in PEM, with those that lead to one that callers trust; with it only TLS is spoken.
    #[arg(
        long,
        env = "LUNGFIELD_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(
        long,
        env = "LUNGFIELD_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub tls_key: Option<PathBuf>,
    /// Authorities in PEM; with them callers must show a certificate that one of them has signed.
    #[arg(
        long,
        env = "LUNGFIELD_TLS_CLIENT_CA",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub tls_client_ca: Option<PathBuf>,
    /// How often keys and certificates are looked at for changes; SIGHUP has them read at once.
    #[arg(long, env = "LUNGFIELD_RELOAD_INTERVAL", default_value = "1m", value_parser = interval)]
    pub reload_interval: Duration,
    /// An origin whose pages may use the API from a browser, as in `https://viewer.example`; may be given several times.
    #[arg(long, env = "LUNGFIELD_CORS_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    pub cors_origin: Vec<String>,
    /// Where metrics and health are served for operators, without a key; `off` for nowhere.
    #[arg(
        long,
        env = "LUNGFIELD_METRICS_LISTEN",
        default_value = "127.0.0.1:9090",
        value_name = "ADDRESS"
    )]
    pub metrics_listen: MetricsListen,
    /// A file to whose end a line of JSON is written for every request to the API; `-` for standard output.
    #[arg(long, env = "LUNGFIELD_AUDIT_LOG", value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
    /// A file with the secret, 16 bytes or more, by which films are hashed in the audit log; without it hashes can be compared
    /// only within one run of the server.
    #[arg(
        long,
        env = "LUNGFIELD_AUDIT_KEY",
        value_name = "FILE",
        requires = "audit_log"
    )]
    pub audit_key: Option<PathBuf>,
}

/// Where metrics are served.
///
/// ```
/// use lungfield::config::MetricsListen;
///
/// assert_eq!("off".parse(), Ok(MetricsListen::Off));
/// let address = ([127, 0, 0, 1], 9090).into();
/// assert_eq!("127.0.0.1:9090".parse(), Ok(MetricsListen::At(address)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsListen {
    /// Nowhere.
    Off,
    /// At this address; port 0 picks a free port, which the log names.
    At(SocketAddr),
}

impl std::str::FromStr for MetricsListen {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            Ok(Self::Off)
        } else {
            text.parse().map(Self::At)
        }
    }
}

impl AccessSettings {
    /// Returns a warning about a server that listens at `address` and lacks keys or TLS, or `None` where it lacks nothing or can be
    /// reached from this machine only.
    ///
    /// ```
    /// use clap::Parser;
    /// use lungfield::config::ServeSettings;
    ///
    /// let settings = ServeSettings::parse_from(["lungfield-serve"]).access;
    /// assert_eq!(settings.exposure("127.0.0.1:8080".parse().unwrap()), None);
    /// let warning = settings.exposure("0.0.0.0:8080".parse().unwrap());
    /// assert!(warning.unwrap().contains("no keys and no TLS"));
    /// ```
    #[must_use]
    pub fn exposure(&self, address: SocketAddr) -> Option<&'static str> {
        let guarded = self.api_keys.is_some() || self.tls_client_ca.is_some();
        match (
            address.ip().to_canonical().is_loopback(),
            guarded,
            self.tls_cert.is_some(),
        ) {
            (true, _, _) | (false, true, true) => None,
            (false, true, false) => {
                Some("films and keys are sent unencrypted: there is no TLS (--tls-cert)")
            }
            (false, false, true) => {
                Some("anybody who can reach it can use it: there are no keys (--api-keys)")
            }
            (false, false, false) => Some(
                "anybody who can reach it can use it, and films are sent unencrypted: there are no keys and no TLS \
                 (--api-keys, --tls-cert)",
            ),
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval.is_zero() {
        Err("it must be more than 0".to_owned())
    } else {
        Ok(interval)
    }
}

/// Parses an origin as browsers send it: scheme and host in lower case, and a port where it is not the default one; no path.
fn origin(text: &str) -> Result<String, String> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    match host {
        Some(host) if !host.is_empty() && host.bytes().all(plain) => Ok(text.to_owned()),
        _ => {
            Err("an origin is http:// or https:// and a host in lower case, without a path; `*` is not allowed"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        for good in [
            "https://viewer.example",
            "http://localhost:3000",
            "http://[::1]:8080",
        ] {
            assert_eq!(origin(good).as_deref(), Ok(good));
        }
        for bad in [
            "*",
            "null",
            "viewer.example",
            "https://",
            "https://viewer.example/",
            "https://Viewer.example",
            "https://*.example",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn metrics_listen_somewhere_or_nowhere() {
        assert_eq!("off".parse(), Ok(MetricsListen::Off));
        assert_eq!(
            "127.0.0.1:0".parse(),
            Ok(MetricsListen::At(([127, 0, 0, 1], 0).into()))
        );
        assert!("9090".parse::<MetricsListen>().is_err());
    }
}
