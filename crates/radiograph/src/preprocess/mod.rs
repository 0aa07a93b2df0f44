//! Prepares films for a model: scales a film to the model grid, normalises its grey values, and
//! raises warnings about the film itself.
//!
//! Training, evaluation and serving all call [`Preprocessor::prepare`]. Its parameters are part of
//! a model's manifest.

mod inverted;
mod options;
mod resample;
#[cfg(test)]
mod tests;
mod window;

pub use self::options::{InvalidOptions, PreprocessOptions};
pub use self::resample::resize;

use self::inverted::looks_inverted;
use self::resample::resample;
use self::window::Window;
use crate::geometry::{Geometry, ModelInput};
use crate::radiograph::Radiograph;
use crate::warnings::Warning;

/// The value of the padding around a film: black, as around a patient.
const PADDING: f32 = -1.0;

/// A film that is prepared for a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The input of the model, with grey values from −1 (dark) to 1 (bright).
    pub input: ModelInput,
    /// The position of the film on the model grid.
    pub geometry: Geometry,
    /// The warnings about the film itself, which do not depend on the model: that it is blank, that
    /// its grey values look inverted, or a warning of its decoder.
    pub warnings: Vec<Warning>,
}

/// Prepares films for one model.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
/// use lungfield_radiograph::radiograph::{Pixels, Radiograph};
/// use lungfield_radiograph::warnings::Warning;
///
/// let size = Size::new(40, 60).expect("neither side is 0");
/// let blank = Radiograph::new(size, Pixels::Eight(vec![128; 2400]), None);
///
/// let options = PreprocessOptions { side: 32, ..PreprocessOptions::default() };
/// let prepared = Preprocessor::new(options)?.prepare(&blank.expect("one value for each pixel"));
/// assert_eq!(prepared.input.side(), 32);
/// assert_eq!(prepared.geometry.placed().height(), 32);
/// assert_eq!(prepared.warnings, [Warning::FlatFilm]);
/// # Ok::<(), lungfield_radiograph::preprocess::InvalidOptions>(())
/// ```
#[derive(Clone, Debug)]
pub struct Preprocessor {
    options: PreprocessOptions,
}

impl Preprocessor {
    /// Creates a preprocessor.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOptions`] unless the side is above 0, the percentiles are in order between
    /// 0 and 100, and the border tolerance is at least 0 and below 0.5.
    pub fn new(options: PreprocessOptions) -> Result<Self, InvalidOptions> {
        options.check()?;
        Ok(Self { options })
    }

    /// Scales a film to the model grid without changing its aspect ratio, and maps its grey values
    /// between the two percentiles to the range from −1 to 1.
    ///
    /// The percentiles are taken inside of black or white borders, so that a border around the film
    /// does not reduce its contrast.
    #[must_use]
    pub fn prepare(&self, film: &Radiograph) -> Prepared {
        let geometry = Geometry::letterbox(film.size(), self.options.side);
        let plane = resample(film, geometry.placed());
        let window = Window::of(&plane, geometry.placed(), &self.options);
        let normalised = window.normalise(&plane);
        let mut warnings = Vec::new();
        if window.is_flat() {
            warnings.push(Warning::FlatFilm);
        } else if looks_inverted(&normalised, geometry.placed()) {
            warnings.push(Warning::InvertedFilm);
        }
        warnings.extend(film.warnings());
        Prepared {
            input: place(&normalised, &geometry, PADDING),
            geometry,
            warnings,
        }
    }
}

/// Places a plane of the film's size on the model grid into the square of the whole grid. The rest
/// of the square is `padding`.
fn place(plane: &[f32], geometry: &Geometry, padding: f32) -> ModelInput {
    let side = geometry.model_side() as usize;
    let (left, top, width) = (
        geometry.left() as usize,
        geometry.top() as usize,
        geometry.placed().columns(),
    );
    let mut square = vec![padding; side * side];
    for (y, row) in plane.chunks_exact(width).enumerate() {
        square[(top + y) * side + left..][..width].copy_from_slice(row);
    }
    ModelInput::new(geometry.model_side(), square).expect("the square has side × side pixels")
}
