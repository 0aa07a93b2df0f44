//! Asks a server that runs with the same settings whether it is ready, at its listener for operators.
//!
//! That listener speaks plain HTTP and needs no key, so the check works whatever the settings of access are.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use lungfield::config::{MetricsListen, ServeSettings};
use tokio::net::TcpStream;

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Succeeds where the server is ready; the error says why it is not known to be.
pub(crate) async fn check(settings: &ServeSettings) -> anyhow::Result<()> {
    let MetricsListen::At(address) = settings.access.metrics_listen else {
        bail!("--health-check asks at --metrics-listen, which is off");
    };
    ensure!(
        address.port() != 0,
        "--health-check can't know the port that --metrics-listen got"
    );
    let asked = tokio::time::timeout(TIMEOUT, ask(reachable(address)));
    asked
        .await
        .with_context(|| format!("{address} did not answer within {} s", TIMEOUT.as_secs()))?
}

/// Returns the address at which a server that listens on all addresses is reached from the same machine.
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
    fn a_server_that_listens_on_all_addresses_is_asked_on_this_machine() {
        for (listens, reached) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("10.0.0.7:9090", "10.0.0.7:9090"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), reached);
        }
    }
}
