//! Makes one channel of grey values from the samples of an image.
//!
//! Colour becomes luma with the weights of Rec. 601. JPEG stores luma with the same weights, and
//! common tools use them when they convert a data set to grey. So a film has the same values,
//! whichever tool made it grey. A pixel with R = G = B keeps its value exactly.

use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

use crate::{DecodeError, undecodable};

/// A decoded image.
#[derive(Debug)]
pub(crate) struct Raster {
    /// Its grey values, without a spacing.
    pub(crate) film: Radiograph,
    /// The largest difference between red, green and blue of a pixel, in stored values. It is 0 for
    /// a grey image.
    pub(crate) colour_spread: u16,
}

/// A stored value of 8 or 16 bits.
pub(super) trait Sample: Copy {
    /// Returns the luma of a pixel.
    fn luma(red: Self, green: Self, blue: Self) -> Self;
    /// Returns the value as 16 bits.
    fn widen(self) -> u16;
    /// Wraps grey values of this depth.
    fn pixels(values: Vec<Self>) -> Pixels
    where
        Self: Sized;
}

impl Sample for u8 {
    fn luma(red: Self, green: Self, blue: Self) -> Self {
        luma(red.into(), green.into(), blue.into())
            .try_into()
            .expect("the weights add up to one")
    }

    fn widen(self) -> u16 {
        self.into()
    }

    fn pixels(values: Vec<Self>) -> Pixels {
        Pixels::Eight(values)
    }
}

impl Sample for u16 {
    fn luma(red: Self, green: Self, blue: Self) -> Self {
        luma(red.into(), green.into(), blue.into())
            .try_into()
            .expect("the weights add up to one")
    }

    fn widen(self) -> u16 {
        self
    }

    fn pixels(values: Vec<Self>) -> Pixels {
        Pixels::Sixteen(values)
    }
}

/// Returns the Rec. 601 luma of values of up to 16 bits: 0.299 R + 0.587 G + 0.114 B, rounded to
/// nearest. The weights are multiples of 1/65536.
fn luma(red: u32, green: u32, blue: u32) -> u32 {
    (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16
}

/// A builder that collects the grey values of an image, row by row or all at once.
pub(super) struct GreyBuilder<S> {
    size: Size,
    values: Vec<S>,
    colour_spread: u16,
}

impl<S: Sample> GreyBuilder<S> {
    /// Starts an image of `size`.
    pub(super) fn new(size: Size) -> Self {
        Self {
            size,
            values: Vec::with_capacity(size.pixels()),
            colour_spread: 0,
        }
    }

    /// Appends pixels of `channels` interleaved samples: grey, grey and alpha, RGB, or RGB and
    /// alpha.
    pub(super) fn push(&mut self, samples: &[S], channels: usize) {
        match channels {
            1 => self.values.extend_from_slice(samples),
            2 => self
                .values
                .extend(samples.chunks_exact(2).map(|pixel| pixel[0])),
            _ => self.push_colour(samples, channels),
        }
    }

    /// Appends pixels in colour.
    fn push_colour(&mut self, samples: &[S], channels: usize) {
        for pixel in samples.chunks_exact(channels) {
            let colour = [pixel[0], pixel[1], pixel[2]].map(S::widen);
            let [red, green, blue] = colour;
            let spread = red.max(green).max(blue) - red.min(green).min(blue);
            self.colour_spread = self.colour_spread.max(spread);
            self.values.push(S::luma(pixel[0], pixel[1], pixel[2]));
        }
    }

    /// Returns the image, or an error if a pixel has no value.
    pub(super) fn finish(self) -> Result<Raster, DecodeError> {
        let film = Radiograph::new(self.size, S::pixels(self.values), None);
        let film = film.ok_or_else(|| undecodable("the image data ends early"))?;
        Ok(Raster {
            film,
            colour_spread: self.colour_spread,
        })
    }
}

/// Makes an image of grey values, without changing them.
pub(super) fn grey<S: Sample>(size: Size, values: Vec<S>) -> Result<Raster, DecodeError> {
    GreyBuilder {
        size,
        values,
        colour_spread: 0,
    }
    .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_keeps_its_value_as_luma() {
        for value in 0..=u8::MAX {
            assert_eq!(u8::luma(value, value, value), value);
        }
        for value in 0..=u16::MAX {
            assert_eq!(u16::luma(value, value, value), value);
        }
    }

    #[test]
    fn luma_follows_rec_601() {
        assert_eq!(u8::luma(255, 0, 0), 76);
        assert_eq!(u8::luma(0, 255, 0), 150);
        assert_eq!(u8::luma(0, 0, 255), 29);
        assert_eq!(u16::luma(0, 65_535, 0), 38_469);
    }

    #[test]
    fn the_colour_spread_is_the_largest_of_all_pixels() {
        let mut builder = GreyBuilder::<u8>::new(Size::new(3, 1).unwrap());
        builder.push(&[10, 12, 11, 0, 0, 0, 7, 100, 50], 3);
        assert_eq!(builder.finish().unwrap().colour_spread, 93);
    }

    #[test]
    fn an_image_that_lacks_a_pixel_is_refused() {
        let mut builder = GreyBuilder::<u8>::new(Size::new(3, 1).unwrap());
        builder.push(&[1, 2], 1);
        assert!(builder.finish().is_err());
    }
}
