//! Chest radiographs, masks of their lungs, and measurements on them, as plain arrays.
//!
//! This crate has no I/O, no async code and no tensors. It holds what a segmentation service does
//! around its model:
//!
//! - [`radiograph`]: a decoded film, one channel of 8- or 16-bit grey values.
//! - [`preprocess`]: from a film to the input of a model.
//! - [`postprocess`]: from the probability map of a model to a mask on the film's own grid.
//! - [`mask`]: masks, probability maps and thresholds; [`geometry`]: sizes and grids.
//! - [`overlap`] and [`surface`]: how well two masks agree.
//! - [`lungs`]: the right and the left lung of a mask.
//! - [`warnings`]: the catalogue of warnings about a segmentation.
//! - [`phantom`]: synthetic chest films with exact masks, for tests and demonstrations.
//!
//! # Examples
//!
//! Prepare a film for a model, restore a mask from a probability map, and compare it with the
//! reference mask. The example takes its film from a phantom, and a perfect model's answer from the
//! phantom's mask.
//!
//! ```
//! use lungfield_radiograph::geometry::Size;
//! use lungfield_radiograph::lungs::Lungs;
//! use lungfield_radiograph::mask::Threshold;
//! use lungfield_radiograph::overlap::Overlap;
//! use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
//! use lungfield_radiograph::postprocess::{coverage, restore};
//! use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
//!
//! let size = Size::new(320, 384).expect("neither side is 0");
//! let phantom = Phantom::draw(&PhantomOptions { seed: 1, size, depth: Depth::Twelve });
//!
//! let preprocessor = Preprocessor::new(PreprocessOptions::default())?;
//! let prepared = preprocessor.prepare(&phantom.film);
//! assert_eq!(prepared.input.pixels().len(), 256 * 256);
//!
//! let map = coverage(&phantom.mask, &prepared.geometry);
//! let mask = restore(&map, &prepared.geometry, Threshold::HALF);
//! assert!(Overlap::of(&mask, &phantom.mask)?.dice() > 0.98);
//! assert_eq!(Lungs::of(&mask).iter().len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod geometry;
pub mod lungs;
pub mod mask;
pub mod overlap;
pub mod phantom;
pub mod postprocess;
pub mod preprocess;
pub mod radiograph;
pub mod surface;
pub mod warnings;
