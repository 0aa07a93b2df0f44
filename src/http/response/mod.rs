//! What a request is answered with: JSON or a file, alone or as a part of a related body, within the budget for responses.

pub(crate) mod answer;
pub(crate) mod paced;
pub(crate) mod related;
pub(crate) mod responder;
