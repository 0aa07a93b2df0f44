//! The planes of a case on the model grid, which training and evaluation keep in memory.

use std::sync::Arc;

use lungfield_radiograph::geometry::{Geometry, ModelInput};
use lungfield_radiograph::mask::{Mask, ProbabilityMap};
use lungfield_radiograph::postprocess;
use lungfield_radiograph::preprocess::Preprocessor;
use lungfield_radiograph::radiograph::{PixelSpacing, Radiograph};
use lungfield_radiograph::warnings::Warning;

/// A case to train on: film and target on the model grid.
#[derive(Clone, Debug)]
pub struct TrainingSample {
    /// The input of the network.
    pub input: ModelInput,
    /// The share of lung in each pixel of the input, from 0 to 1.
    pub target: ProbabilityMap,
    /// The data set in which the case was published.
    pub source: Arc<str>,
}

/// A case to score: the film on the model grid, and the reference mask on the film's own grid.
#[derive(Clone, Debug)]
pub struct EvalSample {
    /// The input of the network.
    pub input: ModelInput,
    /// The mapping between the model grid and the film's own grid.
    pub geometry: Geometry,
    /// The reference mask.
    pub reference: Mask,
    /// The warnings about the film itself.
    pub warnings: Vec<Warning>,
    /// The pixel spacing of the film, if its file states one.
    pub spacing: Option<PixelSpacing>,
    /// The data set in which the case was published.
    pub source: Arc<str>,
}

impl EvalSample {
    /// Prepares a film and its reference mask, which have the same size.
    ///
    /// ```
    /// use lungfield_radiograph::geometry::Size;
    /// use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
    /// use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
    /// use lungfield_training::dataset::{EvalSample, TrainingSample};
    ///
    /// let size = Size::new(200, 160).expect("both sides are above 0");
    /// let Phantom { film, mask } = Phantom::draw(&PhantomOptions { seed: 1, size, depth: Depth::Eight });
    /// let options = PreprocessOptions { side: 64, ..PreprocessOptions::default() };
    /// let preprocessor = Preprocessor::new(options)?;
    ///
    /// let sample = EvalSample::new(&film, mask, "phantom", &preprocessor);
    /// assert_eq!((sample.input.side(), sample.reference.size()), (64, size));
    ///
    /// // For training the mask is reduced to the share of lung in each pixel of the model grid.
    /// let sample = TrainingSample::from(sample);
    /// assert_eq!(sample.target.side(), 64);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(
        film: &Radiograph,
        reference: Mask,
        source: &str,
        preprocessor: &Preprocessor,
    ) -> Self {
        let prepared = preprocessor.prepare(film);
        Self {
            input: prepared.input,
            geometry: prepared.geometry,
            warnings: prepared.warnings,
            reference,
            spacing: film.spacing(),
            source: source.into(),
        }
    }
}

impl From<EvalSample> for TrainingSample {
    fn from(sample: EvalSample) -> Self {
        Self {
            target: postprocess::coverage(&sample.reference, &sample.geometry),
            input: sample.input,
            source: sample.source,
        }
    }
}
