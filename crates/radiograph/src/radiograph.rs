//! Decides what a decoded film is: one channel of 8- or 16-bit grey, its size, and, where its file says so, its pixel spacing and
//! how it was taken.

use serde::Serialize;

use crate::geometry::Size;

/// The grey values of a film, row by row, as deep as the file had them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// 0 (black) to 255 (white).
    Eight(Vec<u8>),
    /// 0 (black) to 65535 (white). Raster films of 10 to 14 bits use the lower part of the range, DICOM films all of it.
    Sixteen(Vec<u16>),
}

impl Pixels {
    fn len(&self) -> usize {
        match self {
            Self::Eight(values) => values.len(),
            Self::Sixteen(values) => values.len(),
        }
    }
}

/// The distance between the centres of neighbouring pixels, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelSpacing {
    row_mm: f64,
    column_mm: f64,
    source: SpacingSource,
}

/// Which of a file's statements a spacing is. The patient lies nearer to the tube than the detector does, so that what is measured
/// by the spacing of the detector's elements comes out some percent too large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpacingSource {
    /// The spacing of pixels, which may have been corrected for magnification.
    #[default]
    PixelSpacing,
    /// The spacing of the detector's elements.
    ImagerPixelSpacing,
}

impl PixelSpacing {
    /// A spacing between rows and between columns, or `None` where either is nothing that a film can have: below a tenth of a micrometre
    /// or above a metre.
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

    /// The spacing as another statement of the file.
    #[must_use]
    pub fn stated_by(self, source: SpacingSource) -> Self {
        Self { source, ..self }
    }

    /// Which statement of the file it is.
    #[must_use]
    pub fn source(self) -> SpacingSource {
        self.source
    }

    /// The distance between the centres of neighbouring rows, in millimetres.
    #[must_use]
    pub fn row_mm(self) -> f64 {
        self.row_mm
    }

    /// The distance between the centres of neighbouring columns, in millimetres.
    #[must_use]
    pub fn column_mm(self) -> f64 {
        self.column_mm
    }

    /// The area that one pixel covers, in square millimetres.
    #[must_use]
    pub fn pixel_area_mm2(self) -> f64 {
        self.row_mm * self.column_mm
    }
}

/// What a film's file says of how it was taken, as far as that speaks against its use. Nothing, in formats that say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acquisition {
    /// The patient was seen from the side.
    pub lateral: bool,
    /// These are the detector's values, not a picture to look at.
    pub for_processing: bool,
    /// It is of a kind that has no radiographs.
    pub unexpected_modality: bool,
}

/// One decoded single-channel image. High values are bright, as a film on a light box shows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Radiograph {
    size: Size,
    pixels: Pixels,
    spacing: Option<PixelSpacing>,
    acquisition: Acquisition,
}

impl Radiograph {
    /// A radiograph of `size`, or `None` where the number of grey values does not match it.
    #[must_use]
    pub fn new(size: Size, pixels: Pixels, spacing: Option<PixelSpacing>) -> Option<Self> {
        let acquisition = Acquisition::default();
        (pixels.len() == size.pixels()).then_some(Self {
            size,
            pixels,
            spacing,
            acquisition,
        })
    }

    /// The radiograph as one that was taken so.
    #[must_use]
    pub fn taken(self, acquisition: Acquisition) -> Self {
        Self {
            acquisition,
            ..self
        }
    }

    /// What its file says of how it was taken.
    #[must_use]
    pub fn acquisition(&self) -> Acquisition {
        self.acquisition
    }

    /// The film's size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The grey values, row by row.
    #[must_use]
    pub fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// The pixel spacing, where the file states it.
    #[must_use]
    pub fn spacing(&self) -> Option<PixelSpacing> {
        self.spacing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radiograph_has_as_many_values_as_its_size_says() {
        let size = Size::new(3, 2).unwrap();
        assert!(Radiograph::new(size, Pixels::Eight(vec![0; 6]), None).is_some());
        assert!(Radiograph::new(size, Pixels::Sixteen(vec![0; 5]), None).is_none());
    }

    #[test]
    fn a_spacing_is_one_that_a_film_can_have() {
        assert!(PixelSpacing::new(0.1, 0.2).is_some());
        for bad in [0.0, -1.0, 1e-5, 1e4, 1e200, f64::NAN, f64::INFINITY] {
            assert!(PixelSpacing::new(bad, 0.2).is_none());
            assert!(PixelSpacing::new(0.2, bad).is_none());
        }
    }
}
