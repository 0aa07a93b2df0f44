//! Tests of what a good film is answered with, in every form that a caller can ask for.

mod films;
mod negotiation;
mod results;
