//! Decides whether a server that was started with the same settings is ready: by what it tells its operators.
//!
//! Their listener speaks plain HTTP and asks for no key, so this works however films are taken.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::config::{MetricsListen, ServeSettings};

/// How long the server may take to say so.
const PATIENCE: Duration = Duration::from_secs(5);

/// Succeeds where the server is ready, and says otherwise why it is not known to be.
pub async fn check_health(settings: &ServeSettings) -> anyhow::Result<()> {
    let MetricsListen::At(address) = settings.access.metrics_listen else {
        bail!("--health-check asks at --metrics-listen, which is off");
    };
    ensure!(
        address.port() != 0,
        "--health-check can't know the port that --metrics-listen got"
    );
    let asked = tokio::time::timeout(PATIENCE, ask(reachable(address)));
    asked
        .await
        .with_context(|| format!("{address} did not answer within {} s", PATIENCE.as_secs()))?
}

/// Where whoever listens on all addresses can be reached from the same machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let ip = if address.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        };
        address.set_ip(ip);
    }
    address
}

async fn ask(address: SocketAddr) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nobody answers at {address}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/health/ready").header(header::HOST, address.to_string());
    let request = request
        .body(Empty::<Bytes>::new())
        .expect("the request is well formed");
    let answer = tokio::select! {
        answer = sender.send_request(request) => answer?,
        ended = connection => bail!("the connection ended: {ended:?}"),
    };
    ensure!(
        answer.status().is_success(),
        "not ready: {}",
        answer.status()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_everywhere_is_asked_here() {
        for (listens, reached) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("10.0.0.7:9090", "10.0.0.7:9090"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), reached);
        }
    }
}
