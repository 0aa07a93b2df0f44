//! Maps between the pixel grid of a film and the square pixel grid of a model.
//!
//! A film is scaled without changing its aspect ratio, until its longer side fills the model grid.
//! The rest of the grid, on both sides of the film, is padding (a letterbox). Both grids are
//! aligned by pixel areas: pixel `i` covers `[i, i + 1)`, so its centre is at `i + 0.5`.

/// A size in pixels. Both sides are at least 1.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::Size;
///
/// let size = Size::new(2048, 2500).expect("neither side is 0");
/// assert_eq!((size.width(), size.height()), (2048, 2500));
/// assert_eq!(size.pixels(), 5_120_000);
/// assert_eq!(size.to_string(), "2048×2500");
/// assert_eq!(Size::new(2048, 0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// Creates a size of `width` columns and `height` rows. Returns `None` if either is 0.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Option<Self> {
        (width > 0 && height > 0).then_some(Self { width, height })
    }

    /// Creates a square size. Returns `None` if `side` is 0.
    #[must_use]
    pub fn square(side: u32) -> Option<Self> {
        Self::new(side, side)
    }

    /// Returns the number of columns.
    #[must_use]
    pub fn width(self) -> u32 {
        self.width
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn height(self) -> u32 {
        self.height
    }

    /// Returns the number of columns as a `usize`, for use with slices.
    #[must_use]
    pub fn columns(self) -> usize {
        self.width as usize
    }

    /// Returns the number of rows as a `usize`, for use with slices.
    #[must_use]
    pub fn rows(self) -> usize {
        self.height as usize
    }

    /// Returns the number of pixels.
    #[must_use]
    pub fn pixels(self) -> usize {
        self.columns() * self.rows()
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}×{}", self.width, self.height)
    }
}

/// The position of a film on the square model grid. Preprocessing chooses it, and postprocessing
/// uses it to return to the film's own grid.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::{Geometry, Size};
///
/// let film = Size::new(4020, 4892).expect("neither side is 0");
/// let geometry = Geometry::letterbox(film, 256);
/// // The film fills the height of the grid, with 23 columns of padding on the left and on the right.
/// assert_eq!(geometry.placed(), Size::new(210, 256).expect("neither side is 0"));
/// assert_eq!((geometry.left(), geometry.top()), (23, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    source: Size,
    model_side: u32,
    placed: Size,
    left: u32,
    top: u32,
}

impl Geometry {
    /// Scales a film of size `source` to fit into a square of `model_side` pixels, without changing
    /// its aspect ratio, and centres it there.
    ///
    /// Each side of the scaled film is rounded to the nearest pixel and is at least 1 pixel. An odd
    /// number of padding lines leaves one more line on the right or at the bottom.
    #[must_use]
    pub fn letterbox(source: Size, model_side: u32) -> Self {
        let longest = source.width.max(source.height);
        let placed = Size {
            width: scaled(source.width, model_side, longest),
            height: scaled(source.height, model_side, longest),
        };
        let left = (model_side - placed.width) / 2;
        let top = (model_side - placed.height) / 2;
        Self {
            source,
            model_side,
            placed,
            left,
            top,
        }
    }

    /// Returns the size of the film on its own grid.
    #[must_use]
    pub fn source(&self) -> Size {
        self.source
    }

    /// Returns the side of the square model grid, in model pixels.
    #[must_use]
    pub fn model_side(&self) -> u32 {
        self.model_side
    }

    /// Returns the size of the film on the model grid, in model pixels.
    #[must_use]
    pub fn placed(&self) -> Size {
        self.placed
    }

    /// Returns the first model column that the film covers.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left
    }

    /// Returns the first model row that the film covers.
    #[must_use]
    pub fn top(&self) -> u32 {
        self.top
    }
}

/// Returns `side · model_side / longest`, rounded to the nearest pixel, and at least 1.
fn scaled(side: u32, model_side: u32, longest: u32) -> u32 {
    let scaled =
        (u64::from(side) * u64::from(model_side) + u64::from(longest) / 2) / u64::from(longest);
    u32::try_from(scaled)
        .expect("a side is never longer than the longest")
        .clamp(1, model_side)
}

/// The input of a model for one film: `side × side` normalised intensities, row by row, including
/// the padding.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInput {
    side: u32,
    pixels: Vec<f32>,
}

impl ModelInput {
    /// Creates an input from `side × side` intensities. Returns `None` if `pixels` has another
    /// length.
    #[must_use]
    pub fn new(side: u32, pixels: Vec<f32>) -> Option<Self> {
        (pixels.len() == (side as usize).pow(2)).then_some(Self { side, pixels })
    }

    /// Returns the side of the square, in model pixels.
    #[must_use]
    pub fn side(&self) -> u32 {
        self.side
    }

    /// Returns the intensities, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// Returns the mirror image, with left and right exchanged.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self {
            side: self.side,
            pixels: mirrored(&self.pixels, self.side),
        }
    }
}

/// Returns a square plane with each of its rows reversed.
pub(crate) fn mirrored(values: &[f32], side: u32) -> Vec<f32> {
    values
        .chunks_exact(side as usize)
        .flat_map(|row| row.iter().rev())
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn letterbox(width: u32, height: u32) -> Geometry {
        Geometry::letterbox(Size::new(width, height).unwrap(), 256)
    }

    #[test]
    fn a_square_film_fills_the_model_grid() {
        let geometry = letterbox(2048, 2048);
        assert_eq!(geometry.placed(), Size::square(256).unwrap());
        assert_eq!((geometry.left(), geometry.top()), (0, 0));
    }

    #[test]
    fn the_aspect_is_kept_and_the_film_is_centred() {
        let geometry = letterbox(4020, 4892);
        assert_eq!(geometry.placed(), Size::new(210, 256).unwrap());
        assert_eq!((geometry.left(), geometry.top()), (23, 0));
    }

    #[test]
    fn a_very_long_film_keeps_one_model_pixel() {
        assert_eq!(letterbox(32, 60_000).placed(), Size::new(1, 256).unwrap());
    }

    #[test]
    fn a_small_film_is_enlarged() {
        assert_eq!(letterbox(32, 64).placed(), Size::new(128, 256).unwrap());
    }

    #[test]
    fn a_size_without_pixels_is_refused() {
        assert_eq!(Size::new(0, 5), None);
        assert_eq!(Size::new(5, 0), None);
    }

    #[test]
    fn a_mirror_image_has_left_and_right_exchanged() {
        let plane = ModelInput::new(3, (0..9_u8).map(f32::from).collect()).unwrap();
        assert_eq!(
            plane.mirrored().pixels(),
            [2., 1., 0., 5., 4., 3., 8., 7., 6.]
        );
        assert_eq!(plane.mirrored().mirrored(), plane);
    }

    proptest! {
        #[test]
        fn any_film_is_centred_on_the_model_grid_and_keeps_its_aspect_ratio(
            width in 1_u32..70_000, height in 1_u32..70_000, side in 1_u32..2_000,
        ) {
            let geometry = Geometry::letterbox(Size::new(width, height).unwrap(), side);
            let (placed, left, top) = (geometry.placed(), geometry.left(), geometry.top());
            prop_assert_eq!(placed.width().max(placed.height()), side, "it fills the grid one way");
            prop_assert!(placed.width() >= 1 && placed.height() >= 1);
            for (offset, length) in [(left, placed.width()), (top, placed.height())] {
                let rest = side - length - offset;
                prop_assert!(rest == offset || rest == offset + 1, "the padding is on both sides");
            }
            let scale = f64::from(side) / f64::from(width.max(height));
            for (length, own) in [(placed.width(), width), (placed.height(), height)] {
                let exact = f64::from(own) * scale;
                prop_assert!((f64::from(length) - exact).abs() <= 0.5 + 1e-6 || (length == 1 && exact < 1.0));
            }
        }
    }

    #[test]
    fn a_model_input_is_square() {
        assert!(ModelInput::new(2, vec![0.0; 4]).is_some());
        assert!(ModelInput::new(2, vec![0.0; 5]).is_none());
    }
}
