//! Makes TLS configurations from certificates and keys in PEM.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// The contents of the files that TLS needs, in PEM.
#[derive(Clone, Copy, Debug)]
pub struct Pem<'a> {
    /// The server's certificate and the intermediate ones.
    pub chain: &'a [u8],
    /// The private key of the server's certificate.
    pub key: &'a [u8],
    /// The authorities of client certificates, without which callers need none.
    pub client_authorities: Option<&'a [u8]>,
}

/// Why there is no TLS with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file is not PEM.
    #[error("the certificate file cannot be read as PEM: {0}")]
    Chain(rustls_pki_types::pem::Error),
    /// The certificate file has no certificate.
    #[error("there is no certificate in the certificate file")]
    NoChain,
    /// The key file has no private key.
    #[error("the key file holds no private key in PEM: {0}")]
    Key(rustls_pki_types::pem::Error),
    /// The file of client authorities is not PEM.
    #[error("the file of client authorities cannot be read as PEM: {0}")]
    Authorities(rustls_pki_types::pem::Error),
    /// The client authorities cannot verify a certificate.
    #[error("the client authorities cannot be used: {0}")]
    Verifier(#[from] VerifierBuilderError),
    /// Certificate and key do not belong together, or are of an unknown kind.
    #[error("the certificate and its key cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Makes a configuration for TLS 1.2 and 1.3 that prefers HTTP/2 to HTTP/1.1.
///
/// # Errors
/// Where a file cannot be read, or the key is not that of the certificate.
pub fn config(pem: Pem<'_>) -> Result<ServerConfig, TlsError> {
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

/// Reads all certificates of a PEM file.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls_pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}
