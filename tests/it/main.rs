//! Tests of the house as a whole, in one binary, since linking libtorch is slow.
#![cfg(feature = "otlp")] // traces are tested too
#![expect(clippy::unwrap_used, reason = "a test panics if its setup fails")]

mod access;
mod browser;
mod client;
mod dicom;
mod dicom_films;
mod doubtful;
mod early;
mod fast;
mod faults;
mod hostile;
mod leaving;
mod load;
mod metrics;
mod oip;
mod openapi;
mod overload;
mod pages;
mod pictures;
mod pinned;
mod privacy;
mod process;
mod program;
mod refusals;
mod samples;
mod segment;
mod server;
mod shipped;
mod traces;
mod unread;
