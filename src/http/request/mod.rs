//! What is taken from a request before its handler does its work: admission, the caller's deadline, the options and the films.
//!
//! Each part is an axum extractor, and handlers name them in the order in which requests are to be refused: admission comes
//! before the query is parsed, and the body is read last.

pub(crate) mod admission;
pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod context;
pub(crate) mod deadline;
pub(crate) mod negotiate;
pub(crate) mod options;
pub(crate) mod query;
pub(crate) mod related;
