//! Decides how a PNG, JPEG or TIFF image becomes one channel of grey.
//!
//! Colour becomes luma with the Rec. 601 weights: they are what JPEG itself stores as luma, and what the usual
//! tools give when a data set is converted to grey, so a film has the same values whichever way it was made grey.
//! An image with R = G = B keeps its values exactly.

mod directory;
pub(crate) mod jpeg;
mod metered;
pub(crate) mod png;
#[cfg(test)]
pub(super) mod samples;
pub(crate) mod tiff;

use super::{DecodeError, undecodable};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// A decoded image.
#[derive(Debug)]
pub(crate) struct Raster {
    /// Its grey values, without a spacing.
    pub(crate) film: Radiograph,
    /// The largest difference between the red, green and blue of a pixel, in stored values. 0 for a grey image.
    pub(crate) colour_spread: u16,
}

/// A stored value of 8 or 16 bits.
trait Sample: Copy {
    fn luma(red: Self, green: Self, blue: Self) -> Self;
    fn widen(self) -> u16;
    fn pixels(values: Vec<Self>) -> Pixels
    where
        Self: Sized;
}

impl Sample for u8 {
    fn luma(red: Self, green: Self, blue: Self) -> Self {
        luma([red, green, blue].map(u32::from))
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
        luma([red, green, blue].map(u32::from))
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

/// Rec. 601 luma of values of up to 16 bits: 0.299 R + 0.587 G + 0.114 B, in 1/65536, rounded to nearest.
fn luma([red, green, blue]: [u32; 3]) -> u32 {
    (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16
}

/// Gathers the grey values of an image, row by row or all at once.
struct GreyBuilder<S> {
    size: Size,
    values: Vec<S>,
    colour_spread: u16,
}

impl<S: Sample> GreyBuilder<S> {
    fn new(size: Size) -> Self {
        Self {
            size,
            values: Vec::with_capacity(size.pixels()),
            colour_spread: 0,
        }
    }

    /// Appends pixels of `channels` interleaved samples: grey, grey and alpha, RGB, or RGB and alpha.
    fn push(&mut self, samples: &[S], channels: usize) {
        match channels {
            1 => self.values.extend_from_slice(samples),
            2 => self
                .values
                .extend(samples.chunks_exact(2).map(|pixel| pixel[0])),
            _ => self.push_colour(samples, channels),
        }
    }

    fn push_colour(&mut self, samples: &[S], channels: usize) {
        for pixel in samples.chunks_exact(channels) {
            let colour = [pixel[0], pixel[1], pixel[2]].map(S::widen);
            let [red, green, blue] = colour;
            let spread = red.max(green).max(blue) - red.min(green).min(blue);
            self.colour_spread = self.colour_spread.max(spread);
            self.values.push(S::luma(pixel[0], pixel[1], pixel[2]));
        }
    }

    /// The raster, where each pixel has got its value.
    fn finish(self) -> Result<Raster, DecodeError> {
        let film = Radiograph::new(self.size, S::pixels(self.values), None);
        let film = film.ok_or_else(|| undecodable("the image data ends early"))?;
        Ok(Raster {
            film,
            colour_spread: self.colour_spread,
        })
    }
}

/// A raster of values that are grey already, taken as they are.
fn grey<S: Sample>(size: Size, values: Vec<S>) -> Result<Raster, DecodeError> {
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
    fn a_raster_that_lacks_a_pixel_is_not_made() {
        let mut builder = GreyBuilder::<u8>::new(Size::new(3, 1).unwrap());
        builder.push(&[1, 2], 1);
        assert!(builder.finish().is_err());
    }
}
