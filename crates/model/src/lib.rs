//! The segmentation network, its model directory, and the segmenter that runs it on libtorch.
//!
//! A model directory holds a manifest and weights. [`load`] turns it into a pipeline: it reads the manifest, places the
//! weights on a device, warms the network up, checks the golden phantom, and starts an engine. Training builds its modules
//! from the same [`Network`](network::Network), and writes the directory.
//!
//! # Examples
//! Load the shipped model on the CPU:
//!
//! ```
//! use std::path::Path;
//!
//! use lungfield_model::device::Placement;
//! use lungfield_model::{LoadOptions, load};
//!
//! let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/lungfield-segnet");
//! let model = load(&directory, &LoadOptions::new(Placement::cpu()))?;
//! assert_eq!(model.manifest.model.name, "lungfield-segnet");
//! # Ok::<_, lungfield_model::LoadError>(())
//! ```

mod bf16;
mod cores;
pub mod device;
mod failure;
pub mod golden;
mod load;
pub mod manifest;
mod mirror;
pub mod network;
pub mod settings;
pub mod torch;
pub mod weights;

pub use self::load::{LoadError, LoadOptions, LoadedModel, load};
