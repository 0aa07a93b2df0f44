//! Holds a decoded film: one channel of 8- or 16-bit grey values, its size, and what its file
//! states about it.

use serde::Serialize;

use crate::geometry::Size;
use crate::warnings::Warning;

/// The grey values of a film, row by row, with the bit depth of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// 0 (black) to 255 (white).
    Eight(Vec<u8>),
    /// 0 (black) to 65535 (white). PNG and TIFF films of 10 to 14 bits use the lower part of the
    /// range. DICOM films use all of it.
    Sixteen(Vec<u16>),
}

impl Pixels {
    /// Returns the number of grey values.
    fn len(&self) -> usize {
        match self {
            Self::Eight(values) => values.len(),
            Self::Sixteen(values) => values.len(),
        }
    }
}

/// The distance between the centres of neighbouring pixels, in millimetres.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::radiograph::{PixelSpacing, SpacingSource};
///
/// let spacing = PixelSpacing::new(0.2, 0.1).expect("both are lengths that a film can have");
/// assert!((spacing.pixel_area_mm2() - 0.02).abs() < 1e-12);
/// assert_eq!(spacing.source(), SpacingSource::PixelSpacing);
/// assert_eq!(PixelSpacing::new(0.0, 0.1), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelSpacing {
    row_mm: f64,
    column_mm: f64,
    source: SpacingSource,
}

/// The attribute of a file from which a pixel spacing was read.
///
/// The patient is closer to the X-ray tube than the detector is. Lengths that are measured with the
/// spacing of the detector elements are therefore a few percent too large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpacingSource {
    /// The spacing of the pixels, which may have been corrected for magnification.
    #[default]
    PixelSpacing,
    /// The spacing of the detector elements.
    ImagerPixelSpacing,
}

impl PixelSpacing {
    /// Creates a spacing from the distances between rows and between columns. Returns `None` if
    /// either is below 0.1 µm or above 1 m, which no film can have, or is NaN.
    #[must_use]
    pub fn new(row_mm: f64, column_mm: f64) -> Option<Self> {
        let valid = |mm: f64| (1e-4..=1e3).contains(&mm);
        let source = SpacingSource::default();
        (valid(row_mm) && valid(column_mm)).then_some(Self {
            row_mm,
            column_mm,
            source,
        })
    }

    /// Returns the spacing with another source.
    #[must_use]
    pub fn with_source(self, source: SpacingSource) -> Self {
        Self { source, ..self }
    }

    /// Returns the attribute from which the spacing was read.
    #[must_use]
    pub fn source(self) -> SpacingSource {
        self.source
    }

    /// Returns the distance between the centres of neighbouring rows, in millimetres.
    #[must_use]
    pub fn row_mm(self) -> f64 {
        self.row_mm
    }

    /// Returns the distance between the centres of neighbouring columns, in millimetres.
    #[must_use]
    pub fn column_mm(self) -> f64 {
        self.column_mm
    }

    /// Returns the area of one pixel, in square millimetres.
    #[must_use]
    pub fn pixel_area_mm2(self) -> f64 {
        self.row_mm * self.column_mm
    }
}

/// A decoded film: an image with one channel, in which high values are bright.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::radiograph::{Pixels, Radiograph};
///
/// let size = Size::new(3, 2).expect("neither side is 0");
/// let pixels = Pixels::Eight(vec![0, 50, 100, 150, 200, 250]);
/// let film = Radiograph::new(size, pixels, None).expect("one value for each pixel");
/// assert_eq!(film.size(), size);
/// assert_eq!(film.spacing(), None);
/// assert_eq!(Radiograph::new(size, Pixels::Eight(vec![0; 5]), None), None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Radiograph {
    size: Size,
    pixels: Pixels,
    spacing: Option<PixelSpacing>,
    warnings: Vec<Warning>,
}

impl Radiograph {
    /// Creates a radiograph without warnings. Returns `None` if the number of grey values does not
    /// match `size`.
    #[must_use]
    pub fn new(size: Size, pixels: Pixels, spacing: Option<PixelSpacing>) -> Option<Self> {
        (pixels.len() == size.pixels()).then_some(Self {
            size,
            pixels,
            spacing,
            warnings: Vec::new(),
        })
    }

    /// Returns the radiograph with the warnings that its decoder has raised.
    #[must_use]
    pub fn with_warnings(self, warnings: Vec<Warning>) -> Self {
        Self { warnings, ..self }
    }

    /// Returns the warnings about what the file states, for example that it shows a lateral view.
    /// A decoder of a format that states nothing raises none.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the size of the film.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the grey values, row by row.
    #[must_use]
    pub fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// Returns the pixel spacing, or `None` if the file does not state it.
    #[must_use]
    pub fn spacing(&self) -> Option<PixelSpacing> {
        self.spacing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radiograph_has_one_value_for_each_pixel() {
        let size = Size::new(3, 2).unwrap();
        assert!(Radiograph::new(size, Pixels::Eight(vec![0; 6]), None).is_some());
        assert!(Radiograph::new(size, Pixels::Sixteen(vec![0; 5]), None).is_none());
    }

    #[test]
    fn a_spacing_that_no_film_can_have_is_refused() {
        assert!(PixelSpacing::new(0.1, 0.2).is_some());
        for bad in [0.0, -1.0, 1e-5, 1e4, 1e200, f64::NAN, f64::INFINITY] {
            assert!(PixelSpacing::new(bad, 0.2).is_none());
            assert!(PixelSpacing::new(0.2, bad).is_none());
        }
    }
}
