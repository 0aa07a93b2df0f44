//! The HTTP interface: `/v1`, the Open Inference Protocol below `/v2`, the page for browsers, and the listener for operators.
//!
//! [`router`] serves callers, [`operator_router`] those who run the server. Both share an [`App`], which is built around a running
//! pipeline.

mod app;
mod headers;
mod health;
mod middleware;
mod model;
mod oip;
mod operators;
mod pages;
mod problem;
mod request;
mod request_id;
mod response;
mod router;
mod routes;
mod segment;

pub use self::app::{Access, App};
pub use self::middleware::audit::{Audit, AuditKey, AuditSink};
pub use self::middleware::keys::{Keys, KeysError};
pub use self::model::{License, ModelCard, UploadLimits};
pub use self::operators::operator_router;
pub use self::problem::CODES;
pub use self::request::admission::Phase;
pub use self::router::router;
pub use self::routes::{PAGES, ROUTES};
