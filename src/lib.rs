//! Lungfield segments the lung fields of frontal chest X-rays, as an HTTP service.
//!
//! This package holds what speaks HTTP; the crates below it hold the rest. `ARCHITECTURE.md` draws them.

pub mod config;
pub mod http;
pub mod metrics;
pub mod server;
pub mod telemetry;
