//! Trains lung segmentation networks and evaluates them.
//!
//! - [`dataset`]: data sets on disk, their layouts, cases and splits
//! - [`train`]: augmentation, loss, optimisers, the training loop, checkpoints, the journal and the model directory
//! - [`evaluation`]: scores of a model on data sets, their summary and the report
//! - [`plot`]: the plotting kit of the training curves and of the report
//! - [`settings`]: the flags of the programs `lungfield-train` and `lungfield-evaluate`
//!
//! Training and evaluation prepare films, restore masks and score them by the functions that serving uses.
//!
//! # Example
//!
//! A network is trained on a phantom for one step:
//!
//! ```
//! use std::num::NonZeroU16;
//! use std::ops::ControlFlow;
//!
//! use lungfield_model::device::{Placement, Precision};
//! use lungfield_radiograph::geometry::Size;
//! use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
//! use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
//! use lungfield_training::dataset::EvalSample;
//! use lungfield_training::train::learn::{Run, Step, TrainingData, TrainingObserver, ValidatedWeights, learn};
//! use lungfield_training::train::preset::Preset;
//! use lungfield_training::train::recipe::Recipe;
//!
//! struct Losses(Vec<f64>);
//!
//! impl TrainingObserver for Losses {
//!     type Error = Box<dyn std::error::Error>;
//!
//!     fn after_step(&mut self, step: &Step) -> Result<(), Self::Error> {
//!         self.0.push(step.loss);
//!         Ok(())
//!     }
//!
//!     fn after_validation(&mut self, _: ValidatedWeights, _is_best: bool) -> Result<(), Self::Error> {
//!         Ok(())
//!     }
//!
//!     fn after_iteration(&mut self, _: &Run) -> Result<ControlFlow<()>, Self::Error> {
//!         Ok(ControlFlow::Continue(()))
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let size = Size::square(64).expect("the side is above 0");
//! let phantom = Phantom::draw(&PhantomOptions { seed: 1, size, depth: Depth::Eight });
//! let options = PreprocessOptions { side: 64, ..PreprocessOptions::default() };
//! let sample = EvalSample::new(&phantom.film, phantom.mask, "phantom", &Preprocessor::new(options)?);
//! let data = TrainingData {
//!     train: vec![sample.clone().into()].into(),
//!     validation: vec![sample],
//! };
//! let recipe = Recipe {
//!     width: NonZeroU16::MIN,
//!     iterations: 1,
//!     batch_size: 1,
//!     ..Preset::Lungfield.recipe(Precision::F32)
//! };
//! let mut run = Run::start(&recipe, Placement::cpu().device())?;
//! let mut losses = Losses(Vec::new());
//! learn(&mut run, &data, &mut losses)?;
//! assert!(run.is_finished() && losses.0[0].is_finite());
//! # Ok(())
//! # }
//! ```

pub mod dataset;
pub mod evaluation;
pub mod plot;
mod random;
pub mod settings;
pub mod train;
