//! Draws synthetic chest films with exact masks of their lungs.
//!
//! The repository holds no films of patients. Phantoms are used wherever a film is needed: in
//! tests, in the self-test at start, in load tests and in the documentation.
//!
//! A seed determines the chest, its exposure and its noise, and gives the same bits on every
//! machine. All shapes are defined relative to the sides of the film. So one seed gives the same
//! chest at every size of the same aspect ratio, with more detail at larger sizes. Only the noise
//! differs. The chest is never stretched: a long film shows more of its surroundings.

mod bones;
mod chest;
mod lung;
mod options;
mod projection;
mod random;
mod shapes;
mod stroke;
#[cfg(test)]
mod tests;
mod vessels;

pub use self::options::{Depth, PhantomOptions};

use self::projection::Projection;
use crate::geometry::Size;
use crate::mask::Mask;
use crate::radiograph::{Pixels, Radiograph};

/// A synthetic film with the exact mask of its lung fields.
///
/// The mask excludes the heart, the mediastinum and the diaphragm, and the parts of the lungs
/// behind them. The reference masks of the Montgomery and Shenzhen sets do the same.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
///
/// let size = Size::new(96, 120).expect("neither side is 0");
/// let options = PhantomOptions { seed: 7, size, depth: Depth::Eight };
/// let phantom = Phantom::draw(&options);
/// assert_eq!(phantom.film.size(), size);
/// assert!(phantom.mask.area_px() > 0);
/// // The same options give the same pixels.
/// assert_eq!(phantom, Phantom::draw(&options));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Phantom {
    /// The film. It has no pixel spacing.
    pub film: Radiograph,
    /// The mask of its lung fields, on the same pixel grid.
    pub mask: Mask,
}

impl Phantom {
    /// Draws a phantom. The same options give the same pixels on every machine.
    ///
    /// Rows are drawn in parallel on rayon's current thread pool. Drawing takes about 8 bytes of
    /// memory for each pixel.
    #[must_use]
    pub fn draw(options: &PhantomOptions) -> Self {
        let PhantomOptions { seed, size, depth } = *options;
        let projection = Projection::new(seed, size);
        Self {
            film: quantised(&projection.brightness(), size, depth),
            mask: projection.lung_fields(),
        }
    }
}

/// Rounds brightness from 0 to 1 to grey values of a bit depth.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "brightness is between 0 and 1"
)]
fn quantised(brightness: &[f32], size: Size, depth: Depth) -> Radiograph {
    let scaled = |white: f32| brightness.iter().map(move |value| value * white + 0.5);
    let pixels = match depth {
        Depth::Eight => Pixels::Eight(scaled(255.0).map(|value| value as u8).collect()),
        Depth::Twelve => Pixels::Sixteen(scaled(4095.0).map(|value| value as u16).collect()),
        Depth::Sixteen => Pixels::Sixteen(scaled(65_535.0).map(|value| value as u16).collect()),
    };
    Radiograph::new(size, pixels, None).expect("there is a brightness for every pixel of the size")
}
