//! Decides what the network computes: the layers of the SegNet, once to train and once, folded, to serve.

mod folded;
pub mod layout;
mod memory;
pub mod plan;
pub mod segnet;
mod winograd;
