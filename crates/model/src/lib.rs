//! The segmentation network, its model directory, and the segmenter that runs it on libtorch.

mod bf16;
pub mod cores;
pub mod device;
pub mod golden;
pub mod loading;
pub mod manifest;
pub mod network;
pub mod settings;
pub mod torch;
pub mod twin;
pub mod weights;
