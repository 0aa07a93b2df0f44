//! Checks that a model still computes what it computed when it was trained, by its mask of a phantom.

use serde::{Deserialize, Serialize};

use lungfield_codec::rle::{CocoRle, Rle};
use lungfield_engine::segmenter::{SegmentError, Segmenter};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::{Mask, Threshold};
use lungfield_radiograph::overlap::Overlap;
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use lungfield_radiograph::postprocess;
use lungfield_radiograph::preprocess::Preprocessor;

/// The least Dice score of a model's mask with the mask that it gave when it was trained.
pub const REQUIRED_DICE: f64 = 0.98;
/// The largest number of pixels of a golden phantom.
const MAX_PIXELS: u64 = 1 << 22;

/// A phantom, and the mask that the model gave of it when it was trained.
///
/// # Examples
/// ```
/// use lungfield_engine::fake::{Behaviour, FakeSegmenter};
/// use lungfield_model::golden::Golden;
/// use lungfield_radiograph::mask::Threshold;
/// use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
///
/// let mut model = FakeSegmenter::new(Behaviour::Echo);
/// let preprocessor = Preprocessor::new(PreprocessOptions::default())?;
/// let golden = Golden::record(&mut model, &preprocessor, Threshold::HALF)?;
/// let dice = golden.check(&mut model, &preprocessor, Threshold::HALF)?;
/// assert!(dice > 0.99);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// The phantom. It is not square, so that a wrong geometry changes the mask.
    phantom: PhantomOptions,
    /// The model's mask.
    mask: CocoRle,
    /// The Dice score of the model's mask with the true mask of the phantom. It is not checked.
    phantom_dice: f64,
}

/// The error of a model that did not pass its own test.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// The model does not compute what it computed when it was trained.
    #[error(
        "the golden phantom's mask has a Dice score of {dice:.4} with the one in the manifest, below {REQUIRED_DICE}"
    )]
    Differs {
        /// The Dice score of the two masks.
        dice: f64,
    },
    /// The phantom was not segmented.
    #[error("the golden phantom was not segmented: {0}")]
    Segment(#[from] SegmentError),
    /// The mask in the manifest can't be read, or does not belong to the phantom.
    #[error("the golden mask in the manifest is unusable: {0}")]
    Mask(String),
}

impl Golden {
    /// Segments the golden phantom with a model that was just trained.
    ///
    /// # Errors
    /// Returns the error of the segmenter.
    pub fn record(
        segmenter: &mut dyn Segmenter,
        preprocessor: &Preprocessor,
        threshold: Threshold,
    ) -> Result<Self, SegmentError> {
        let size = Size::new(440, 512).expect("neither side is 0");
        let phantom = PhantomOptions {
            seed: 1,
            size,
            depth: Depth::Eight,
        };
        let drawn = Phantom::draw(&phantom);
        let mask = segment(segmenter, preprocessor, threshold, &drawn)?;
        let overlap = Overlap::of(&mask, &drawn.mask).expect("a mask has its film's size");
        Ok(Self {
            phantom,
            mask: Rle::of(&mask).compressed(),
            phantom_dice: overlap.dice(),
        })
    }

    /// Segments the phantom again, and returns the Dice score of the mask with the recorded one.
    ///
    /// # Errors
    /// Returns an error where the score is below [`REQUIRED_DICE`], or where there is none.
    pub fn check(
        &self,
        segmenter: &mut dyn Segmenter,
        preprocessor: &Preprocessor,
        threshold: Threshold,
    ) -> Result<f64, GoldenError> {
        let unusable = |cause: String| GoldenError::Mask(cause);
        if self.phantom.size.pixels() as u64 > MAX_PIXELS {
            return Err(unusable(format!(
                "its phantom has more than {MAX_PIXELS} pixels"
            )));
        }
        let expected = self
            .mask
            .clone()
            .check(MAX_PIXELS)
            .map_err(|cause| unusable(cause.to_string()))?
            .to_mask();
        let found = segment(
            segmenter,
            preprocessor,
            threshold,
            &Phantom::draw(&self.phantom),
        )?;
        let dice = Overlap::of(&found, &expected)
            .map_err(|cause| unusable(cause.to_string()))?
            .dice();
        if dice >= REQUIRED_DICE {
            Ok(dice)
        } else {
            Err(GoldenError::Differs { dice })
        }
    }
}

fn segment(
    segmenter: &mut dyn Segmenter,
    preprocessor: &Preprocessor,
    threshold: Threshold,
    phantom: &Phantom,
) -> Result<Mask, SegmentError> {
    let prepared = preprocessor.prepare(&phantom.film);
    let maps = segmenter.segment(&[&prepared.input])?;
    let map = maps
        .first()
        .ok_or_else(|| SegmentError::Failed("no map came back".to_owned()))?;
    Ok(postprocess::restore(map, &prepared.geometry, threshold))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lungfield_engine::fake::{Behaviour, FakeSegmenter};
    use lungfield_radiograph::preprocess::PreprocessOptions;

    fn preprocessor() -> Preprocessor {
        Preprocessor::new(PreprocessOptions {
            side: 64,
            ..PreprocessOptions::default()
        })
        .unwrap()
    }

    fn segmenter() -> FakeSegmenter {
        FakeSegmenter::new(Behaviour::Echo)
    }

    /// Returns what a model that echoes the film as its map records.
    pub(crate) fn golden() -> Golden {
        Golden::record(&mut segmenter(), &preprocessor(), Threshold::HALF).unwrap()
    }

    #[test]
    fn a_model_that_has_not_changed_passes() {
        let dice = golden()
            .check(&mut segmenter(), &preprocessor(), Threshold::HALF)
            .unwrap();
        assert!((dice - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_model_that_computes_something_else_does_not() {
        let lower = Threshold::new(0.01).unwrap();
        let error = golden()
            .check(&mut segmenter(), &preprocessor(), lower)
            .unwrap_err();
        assert!(matches!(error, GoldenError::Differs { .. }), "{error}");
    }

    #[test]
    fn a_mask_of_another_size_is_unusable() {
        let mut golden = golden();
        golden.mask = Rle::of(&Mask::empty(Size::square(40).unwrap())).compressed();
        let error = golden
            .check(&mut segmenter(), &preprocessor(), Threshold::HALF)
            .unwrap_err();
        assert!(matches!(error, GoldenError::Mask(_)), "{error}");
    }
}
