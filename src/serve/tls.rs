//! Decides how connections are encrypted: by which certificate, and whether callers must show one of their own.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// The text of the files that encryption needs, in PEM.
#[derive(Clone, Copy)]
pub(super) struct Pem<'a> {
    /// The server's certificate, and those between it and one that callers trust.
    pub(super) chain: &'a [u8],
    /// The key of the server's certificate.
    pub(super) key: &'a [u8],
    /// The authorities whose certificates let a caller in; without them none is asked for.
    pub(super) client_authorities: Option<&'a [u8]>,
}

/// Why connections can't be encrypted with these files.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("the certificate file can't be read as PEM: {0}")]
    Chain(rustls_pki_types::pem::Error),
    #[error("there is no certificate in the certificate file")]
    NoChain,
    #[error("the key file holds no private key in PEM: {0}")]
    Key(rustls_pki_types::pem::Error),
    #[error("the file of client authorities can't be read as PEM: {0}")]
    Authorities(rustls_pki_types::pem::Error),
    #[error("the client authorities can't be used: {0}")]
    Verifier(#[from] VerifierBuilderError),
    #[error("certificate and key can't be used: {0}")]
    Rustls(#[from] rustls::Error),
}

/// How connections are encrypted: TLS 1.2 or 1.3, HTTP/2 preferred.
pub(super) fn config(pem: Pem<'_>) -> Result<ServerConfig, TlsError> {
    let chain: Vec<_> = certificates(pem.chain).map_err(TlsError::Chain)?;
    if chain.is_empty() {
        return Err(TlsError::NoChain);
    }
    let key = PrivateKeyDer::from_pem_slice(pem.key).map_err(TlsError::Key)?;
    let provider = lungfield_support::tls::provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match pem.client_authorities {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(authorities).map_err(TlsError::Authorities)? {
                roots.add(certificate)?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls_pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}
