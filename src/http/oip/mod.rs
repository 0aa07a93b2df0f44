//! The Open Inference Protocol (version 2, as KServe, Triton and their clients use it): the description of server and model, and
//! inference.
//!
//! Tensors are sent as JSON, or by the binary extension: `Inference-Header-Content-Length` is the number of bytes of the body that are
//! JSON, and the tensors that state a `binary_data_size` follow. Everything else is as for `/v1/segment`: admission, budgets, deadlines
//! and pipeline. Errors are `{"error": …}`.

mod data;
mod framing;
mod infer;
mod metadata;
mod request;
mod response;
mod served_model;

pub(crate) use self::infer::infer;
pub(crate) use self::metadata::{live, model, model_ready, ready, server};
