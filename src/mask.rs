//! Decides what a segmentation is: probabilities on the model grid, a binary mask on the film's own grid, and the
//! threshold that turns one into the other.

use serde::{Deserialize, Serialize};

use crate::geometry::Size;

/// Which pixels of a film are lung, on the film's own pixel grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    size: Size,
    pixels: Vec<bool>,
}

impl Mask {
    /// A mask of `size`, row by row, or `None` where the number of pixels does not match it.
    #[must_use]
    pub fn new(size: Size, pixels: Vec<bool>) -> Option<Self> {
        (pixels.len() == size.pixels()).then_some(Self { size, pixels })
    }

    /// A mask without lung.
    #[must_use]
    pub fn empty(size: Size) -> Self {
        Self { size, pixels: vec![false; size.pixels()] }
    }

    /// The mask's size, which is its film's.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The pixels, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// The rows, top to bottom, each `width` pixels long.
    #[must_use]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[bool]> {
        self.pixels.chunks_exact(self.size.columns())
    }

    /// The mask's border, row by row: its pixels with at least one of their four neighbours outside, where what lies
    /// beyond the film is outside.
    #[must_use]
    pub fn border_rows(&self) -> impl ExactSizeIterator<Item = Vec<bool>> {
        let row = |y: usize| self.pixels[y * self.size.columns()..][..self.size.columns()].as_ref();
        (0..self.size.rows()).map(move |y| {
            let inside = (1..self.size.rows().saturating_sub(1)).contains(&y);
            border_row(row(y), inside.then(|| (row(y - 1), row(y + 1))))
        })
    }

    /// Number of lung pixels.
    #[must_use]
    pub fn area_px(&self) -> u64 {
        self.pixels.iter().map(|&lung| u64::from(lung)).sum()
    }
}

/// The border pixels of a row, given the rows above and below it; the first and the last row have only one of them, so
/// that all of their pixels are on the border.
fn border_row(row: &[bool], around: Option<(&[bool], &[bool])>) -> Vec<bool> {
    let mut border = row.to_vec();
    let Some((above, below)) = around.filter(|_| row.contains(&true)) else { return border };
    // The windows' middles; the first and the last pixel of a row have a neighbour beyond the film.
    let middles = border.iter_mut().zip(above).zip(below).skip(1);
    for (((pixel, above), below), sides) in middles.zip(row.windows(3)) {
        *pixel &= !(sides[0] & sides[2] & above & below);
    }
    border
}

/// The probability of lung at each pixel of the square model grid, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbabilityMap {
    side: u32,
    values: Vec<f32>,
}

impl ProbabilityMap {
    /// A map of `side × side` probabilities, or `None` where `values` is of another length.
    #[must_use]
    pub fn new(side: u32, values: Vec<f32>) -> Option<Self> {
        (values.len() == (side as usize).pow(2)).then_some(Self { side, values })
    }

    /// The side of the square, in model pixels.
    #[must_use]
    pub fn side(&self) -> u32 {
        self.side
    }

    /// The probabilities, row by row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// The probability from which on a pixel is lung: above 0 and below 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Threshold(f32);

impl Threshold {
    /// The point at which lung is as likely as not.
    pub const HALF: Self = Self(0.5);

    /// A threshold, or `None` for anything not strictly between 0 and 1, NaN included.
    #[must_use]
    pub fn new(value: f32) -> Option<Self> {
        (value > 0.0 && value < 1.0).then_some(Self(value))
    }

    /// The probability.
    #[must_use]
    pub fn get(self) -> f32 {
        self.0
    }
}

impl TryFrom<f32> for Threshold {
    type Error = &'static str;

    fn try_from(value: f32) -> Result<Self, Self::Error> {
        Self::new(value).ok_or("a threshold lies strictly between 0 and 1")
    }
}

impl From<Threshold> for f32 {
    fn from(threshold: Threshold) -> Self {
        threshold.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_lies_strictly_between_0_and_1() {
        for bad in [f32::NAN, 0.0, 1.0, -0.5, 2.0, f32::INFINITY] {
            assert_eq!(Threshold::new(bad), None, "{bad}");
        }
        assert_eq!(Threshold::new(0.25).map(Threshold::get), Some(0.25));
    }

    #[test]
    fn a_mask_has_as_many_pixels_as_its_size_says() {
        let size = Size::new(3, 2).unwrap();
        assert!(Mask::new(size, vec![false; 5]).is_none());
        let mask = Mask::new(size, vec![true, false, true, false, false, true]).unwrap();
        assert_eq!(mask.area_px(), 3);
        assert_eq!(mask.rows().collect::<Vec<_>>(), [[true, false, true], [false, false, true]]);
    }
}
