//! Tests of requests that are refused: status and code of each, and that the server continues to serve.

mod films;
mod forms;
mod references;
mod requests;
mod senders;
