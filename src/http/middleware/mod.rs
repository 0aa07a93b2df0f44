//! What every request passes before and after its handler.
//!
//! From the outside in: [`observe`] gives a request its id, its span and its record, and writes its problem, its log line and its
//! audit line; [`origins`] answers browsers; [`unread`] drains bodies that no handler read; [`keys`] checks API keys.

pub(crate) mod audit;
pub(crate) mod finish;
pub(crate) mod keys;
pub(crate) mod observe;
pub(crate) mod origins;
pub(crate) mod unread;
