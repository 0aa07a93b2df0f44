//! The flags and environment variables of `lungfield-serve`.
//!
//! The server uses these structs as they are: a new setting is a field here and its use there.

mod access;
mod byte_budget;
mod serve;
#[cfg(feature = "otlp")]
mod traces;

pub use self::access::{AccessSettings, MetricsListen};
pub use self::byte_budget::ByteBudget;
pub use self::serve::{HttpSettings, ListenSettings, ServeSettings};
#[cfg(feature = "otlp")]
pub use self::traces::TraceSettings;
