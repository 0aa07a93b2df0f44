//! Decides how a segmentation is shown on its film: translucent red, with the reference mask's outline in white.

use std::ops::Range;

use super::{contour, png};
use crate::mask::Mask;
use crate::overlap::SizeMismatch;
use crate::radiograph::{Pixels, Radiograph};

/// How much of a segmented pixel is red rather than film, in 256ths.
const RED_SHARE: u32 = 90;
const WHITE: [u8; 3] = [255; 3];

/// Draws `mask` on `film`, as a PNG of the film's size in red, green and blue.
///
/// Lung is tinted red; the outline of `reference`, where there is one, is white and of [`contour::visible_width`].
/// Films of 8 bits are shown as stored; those of 16 bits are windowed between their 1st and 99th percentile.
pub fn draw(film: &Radiograph, mask: &Mask, reference: Option<&Mask>) -> Result<Vec<u8>, SizeMismatch> {
    Ok(png::encode_rgb(film.size(), painter(film, mask, reference)?))
}

/// The same picture without a reference mask, as plain samples: red, green and blue of each pixel, row by row.
pub fn samples(film: &Radiograph, mask: &Mask) -> Result<Vec<u8>, SizeMismatch> {
    let mut paint = painter(film, mask, None)?;
    let mut samples = vec![0; 3 * film.size().pixels()];
    let rows = samples.chunks_exact_mut(3 * film.size().columns());
    rows.enumerate().for_each(|(row, samples)| paint(row, samples));
    Ok(samples)
}

/// Writes a row of the picture into a row of samples.
fn painter<'a>(
    film: &'a Radiograph,
    mask: &'a Mask,
    reference: Option<&Mask>,
) -> Result<impl FnMut(usize, &mut [u8]) + use<'a>, SizeMismatch> {
    let size = film.size();
    for drawn in reference.into_iter().chain([mask]) {
        if drawn.size() != size {
            return Err(SizeMismatch { first: size, second: drawn.size() });
        }
    }
    let outline = reference.map(|reference| contour::outline(reference, contour::visible_width(size)));
    let write_greys = grey_rows(film.pixels());
    let mut greys = vec![0; size.columns()];
    Ok(move |row: usize, samples: &mut [u8]| {
        write_greys(row * size.columns()..(row + 1) * size.columns(), &mut greys);
        let colours = samples.as_chunks_mut::<3>().0;
        colours.iter_mut().zip(&greys).for_each(|(rgb, &grey)| *rgb = [grey; 3]);
        for run in mask.row(row).runs() {
            colours[run].iter_mut().for_each(|rgb| *rgb = reddened(rgb[0]));
        }
        for run in outline.iter().flat_map(|outline| outline.row(row).runs()) {
            colours[run].fill(WHITE);
        }
    })
}

fn reddened(grey: u8) -> [u8; 3] {
    let mixed = |red: u32| (u32::from(grey) * (256 - RED_SHARE) + red * RED_SHARE) >> 8;
    [255, 0, 0].map(|red| u8::try_from(mixed(red)).expect("a mean of two bytes is a byte"))
}

/// Writes a row of the film, given by its pixels' indices, as 8-bit grey.
fn grey_rows(pixels: &Pixels) -> impl Fn(Range<usize>, &mut [u8]) + use<'_> {
    let greys = if let Pixels::Sixteen(values) = pixels { window(values) } else { Vec::new() };
    move |range, row| match pixels {
        Pixels::Eight(values) => row.copy_from_slice(&values[range]),
        Pixels::Sixteen(values) => {
            row.iter_mut().zip(&values[range]).for_each(|(grey, &value)| *grey = greys[usize::from(value)]);
        }
    }
}

/// The grey of each 16-bit value: black up to the 1st percentile, white from the 99th on. A film whose percentiles
/// are equal is black but for what lies above them.
fn window(values: &[u16]) -> Vec<u8> {
    let mut histogram = vec![0_u64; usize::from(u16::MAX) + 1];
    for &value in values {
        histogram[usize::from(value)] += 1;
    }
    let black = percentile(&histogram, 1);
    let white = percentile(&histogram, 99).max(black + 1);
    let greys = (0..histogram.len()).map(|value| (value.clamp(black, white) - black) * 255 / (white - black));
    greys.map(|grey| u8::try_from(grey).expect("the share of 255 is a byte")).collect()
}

/// The least value that at least `percent` of all values do not exceed.
fn percentile(histogram: &[u64], percent: u64) -> usize {
    let total: u64 = histogram.iter().sum();
    let mut seen = 0;
    let reached = histogram.iter().position(|&count| {
        seen += count;
        seen * 100 >= total * percent
    });
    reached.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::geometry::Size;

    fn mask(size: Size, lung: &[usize]) -> Mask {
        Mask::new(size, (0..size.pixels()).map(|index| lung.contains(&index)))
            .expect("as many pixels as the size has")
    }

    fn drawn(film: &Radiograph, lung: &Mask, reference: Option<&Mask>) -> Vec<[u8; 3]> {
        let bytes = draw(film, lung, reference).expect("the sizes are equal");
        let mut reader = ::png::Decoder::new(Cursor::new(bytes)).read_info().expect("a PNG is drawn");
        let mut samples = vec![0; reader.output_buffer_size().expect("a test's film is small")];
        let info = reader.next_frame(&mut samples).expect("every row is drawn");
        assert_eq!((info.width, info.height), (film.size().width(), film.size().height()));
        samples.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect()
    }

    fn film(side: u32, pixels: Pixels) -> Radiograph {
        Radiograph::new(Size::square(side).expect("there are pixels"), pixels, None).expect("a square film")
    }

    #[test]
    fn lung_is_red_and_the_film_shows_through() {
        let film = film(2, Pixels::Eight(vec![0, 100, 200, 255]));
        let pixels = drawn(&film, &mask(film.size(), &[1, 3]), None);
        assert_eq!(pixels[0], [0; 3]);
        assert_eq!(pixels[2], [200; 3]);
        let [dim, bright] = [pixels[1], pixels[3]];
        assert!(dim[0] > dim[1] + 80 && dim[1] == dim[2] && dim[1] > 50, "{dim:?}");
        assert!(bright[0] == 255 && bright[1] > dim[1] + 80, "{bright:?}");
    }

    #[test]
    fn the_reference_is_a_white_outline_over_film_and_lung() {
        let film = film(5, Pixels::Eight(vec![10; 25]));
        let square: Vec<usize> = [6, 7, 8, 11, 12, 13, 16, 17, 18].to_vec();
        let pixels = drawn(&film, &mask(film.size(), &[7, 12]), Some(&mask(film.size(), &square)));
        for (index, pixel) in pixels.iter().enumerate() {
            let edge = square.contains(&index) && index != 12;
            assert_eq!(*pixel == WHITE, edge, "pixel {index}");
        }
        assert_eq!(pixels[12], reddened(10));
        assert_eq!(pixels[0], [10; 3]);
    }

    #[test]
    fn deep_films_are_windowed_so_that_outliers_do_not_darken_them() {
        let mut values: Vec<u16> = (0..10_000).map(|index| 1000 + index / 10).collect();
        values[9_999] = u16::MAX;
        values[0] = 0;
        let film = film(100, Pixels::Sixteen(values));
        let pixels = drawn(&film, &Mask::empty(film.size()), None);
        assert_eq!(pixels[0], [0; 3]);
        assert_eq!(pixels[9_999], WHITE);
        assert!(pixels[5_000][0].abs_diff(128) <= 2, "{:?}", pixels[5_000]);
        assert_eq!([pixels[50][0], pixels[9_950][0]], [0, 255]);
    }

    #[test]
    fn a_flat_deep_film_is_drawn() {
        for value in [0, 4095, u16::MAX] {
            let film = film(3, Pixels::Sixteen(vec![value; 9]));
            assert_eq!(drawn(&film, &Mask::empty(film.size()), None), [[0; 3]; 9]);
        }
    }

    #[test]
    fn masks_of_another_size_are_refused() {
        let film = film(3, Pixels::Eight(vec![0; 9]));
        let other = Mask::empty(Size::new(3, 2).unwrap());
        let same = Mask::empty(film.size());
        assert!(draw(&film, &other, None).is_err());
        assert!(draw(&film, &same, Some(&other)).is_err());
        assert!(draw(&film, &same, Some(&same)).is_ok());
    }
}
