//! Draws a mask on its film: translucent red, with the outline of the reference mask in white.

use super::display::grey_rows;
use super::{contour, png};
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::overlap::SizeMismatch;
use lungfield_radiograph::radiograph::Radiograph;

/// The share of red in a segmented pixel, in 256ths.
const RED_SHARE: u32 = 90;
const WHITE: [u8; 3] = [255; 3];

/// Draws `mask` on `film`, as a PNG of the film's size in red, green and blue.
///
/// Lung is tinted red; the outline of `reference`, where there is one, is white and of [`contour::visible_width`].
/// The film's greys are those of [`super::display`]. Fails where a mask has another size than the film.
///
/// ```
/// use lungfield_codec::overlay;
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
///
/// let size = Size::square(128).unwrap();
/// let Phantom { film, mask, .. } = Phantom::draw(&PhantomOptions { seed: 1, size, depth: Depth::Eight });
/// let file = overlay::draw(&film, &mask, Some(&mask))?;
/// assert!(file.starts_with(b"\x89PNG"));
/// # Ok::<(), lungfield_radiograph::overlap::SizeMismatch>(())
/// ```
pub fn draw(
    film: &Radiograph,
    mask: &Mask,
    reference: Option<&Mask>,
) -> Result<Vec<u8>, SizeMismatch> {
    Ok(png::encode_rgb(
        film.size(),
        painter(film, mask, reference)?,
    ))
}

/// Draws `mask` on `film` as plain samples: red, green and blue of each pixel, row by row.
///
/// The pixels are those of [`draw`] without a reference mask.
pub fn samples(film: &Radiograph, mask: &Mask) -> Result<Vec<u8>, SizeMismatch> {
    let mut paint = painter(film, mask, None)?;
    let mut samples = vec![0; 3 * film.size().pixels()];
    let rows = samples.chunks_exact_mut(3 * film.size().columns());
    rows.enumerate()
        .for_each(|(row, samples)| paint(row, samples));
    Ok(samples)
}

/// Returns a function that draws a row of the overlay into a row of samples.
fn painter<'a>(
    film: &'a Radiograph,
    mask: &'a Mask,
    reference: Option<&Mask>,
) -> Result<impl FnMut(usize, &mut [u8]) + use<'a>, SizeMismatch> {
    let size = film.size();
    for drawn in reference.into_iter().chain([mask]) {
        if drawn.size() != size {
            return Err(SizeMismatch {
                first: size,
                second: drawn.size(),
            });
        }
    }
    let outline =
        reference.map(|reference| contour::outline(reference, contour::visible_width(size)));
    let write_greys = grey_rows(film.pixels());
    let mut greys = vec![0; size.columns()];
    Ok(move |row: usize, samples: &mut [u8]| {
        write_greys(row * size.columns()..(row + 1) * size.columns(), &mut greys);
        let colours = samples.as_chunks_mut::<3>().0;
        colours
            .iter_mut()
            .zip(&greys)
            .for_each(|(rgb, &grey)| *rgb = [grey; 3]);
        for run in mask.row(row).runs() {
            colours[run]
                .iter_mut()
                .for_each(|rgb| *rgb = reddened(rgb[0]));
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use lungfield_radiograph::geometry::Size;
    use lungfield_radiograph::radiograph::Pixels;

    fn mask(size: Size, lung: &[usize]) -> Mask {
        Mask::new(size, (0..size.pixels()).map(|index| lung.contains(&index)))
            .expect("as many pixels as the size has")
    }

    fn drawn(film: &Radiograph, lung: &Mask, reference: Option<&Mask>) -> Vec<[u8; 3]> {
        let bytes = draw(film, lung, reference).expect("the sizes are equal");
        let mut reader = ::png::Decoder::new(Cursor::new(bytes))
            .read_info()
            .expect("a PNG is drawn");
        let mut samples = vec![0; reader.output_buffer_size().expect("a test's film is small")];
        let info = reader.next_frame(&mut samples).expect("every row is drawn");
        assert_eq!(
            (info.width, info.height),
            (film.size().width(), film.size().height())
        );
        samples
            .chunks_exact(3)
            .map(|rgb| [rgb[0], rgb[1], rgb[2]])
            .collect()
    }

    fn film(side: u32, pixels: Pixels) -> Radiograph {
        Radiograph::new(Size::square(side).expect("there are pixels"), pixels, None)
            .expect("a square film")
    }

    #[test]
    fn lung_is_red_and_the_film_shows_through() {
        let film = film(2, Pixels::Eight(vec![0, 100, 200, 255]));
        let pixels = drawn(&film, &mask(film.size(), &[1, 3]), None);
        assert_eq!(pixels[0], [0; 3]);
        assert_eq!(pixels[2], [200; 3]);
        let [dim, bright] = [pixels[1], pixels[3]];
        assert!(
            dim[0] > dim[1] + 80 && dim[1] == dim[2] && dim[1] > 50,
            "{dim:?}"
        );
        assert!(bright[0] == 255 && bright[1] > dim[1] + 80, "{bright:?}");
    }

    #[test]
    fn the_reference_is_a_white_outline_over_film_and_lung() {
        let film = film(5, Pixels::Eight(vec![10; 25]));
        let square: Vec<usize> = [6, 7, 8, 11, 12, 13, 16, 17, 18].to_vec();
        let pixels = drawn(
            &film,
            &mask(film.size(), &[7, 12]),
            Some(&mask(film.size(), &square)),
        );
        for (index, pixel) in pixels.iter().enumerate() {
            let edge = square.contains(&index) && index != 12;
            assert_eq!(*pixel == WHITE, edge, "pixel {index}");
        }
        assert_eq!(pixels[12], reddened(10));
        assert_eq!(pixels[0], [10; 3]);
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
