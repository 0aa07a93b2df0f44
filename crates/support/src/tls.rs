//! Decides whose cryptography TLS is computed by, in every program and in both directions: ring's.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

/// What TLS is computed by, for those who can be told.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Makes it the process's own, for libraries that ask there. Before the first of their clients is built; the second time changes nothing.
pub fn install() {
    // Fails where one is there already, and nobody else puts one there.
    let _ = ring::default_provider().install_default();
}
