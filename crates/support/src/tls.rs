//! The cryptography of TLS, for every program and in both directions: that of ring.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

/// Returns the provider of cryptography, for a TLS configuration that takes one.
///
/// # Examples
/// ```
/// let provider = lungfield_support::tls::provider();
/// assert!(!provider.cipher_suites.is_empty());
/// ```
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Makes the provider the default of the process, for libraries that take none.
///
/// Call it before the first client of such a library is built. A second call changes nothing.
///
/// # Examples
/// ```
/// use tokio_rustls::rustls::crypto::CryptoProvider;
///
/// lungfield_support::tls::install();
/// lungfield_support::tls::install();
/// assert!(CryptoProvider::get_default().is_some());
/// ```
pub fn install() {
    // Fails where a default is there already, and only this function sets one.
    let _ = ring::default_provider().install_default();
}
