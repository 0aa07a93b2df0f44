//! Shows a film in 8 bits of grey: as it is where it has 8, windowed where it has 16.

use std::ops::Range;

use super::png;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// Encodes a film as an 8-bit grey PNG of its own size.
///
/// Films of 8 bits are shown as stored; those of 16 bits are windowed between their 1st and 99th percentile.
///
/// ```
/// use lungfield_codec::{Limits, decode, display};
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::radiograph::{Pixels, Radiograph};
///
/// let size = Size::square(64).unwrap();
/// let deep = Radiograph::new(size, Pixels::Sixteen(vec![4095; 64 * 64]), None).unwrap();
/// let shown = decode(&display::draw(&deep), &Limits::default())?;
/// assert!(matches!(shown.pixels(), Pixels::Eight(_)));
/// # Ok::<(), lungfield_codec::DecodeError>(())
/// ```
#[must_use]
pub fn draw(film: &Radiograph) -> Vec<u8> {
    let (columns, write_greys) = (film.size().columns(), grey_rows(film.pixels()));
    png::encode_grey(film.size(), |row, greys| {
        write_greys(row * columns..(row + 1) * columns, greys);
    })
}

/// Returns a function that writes the pixels of a range of indices as 8-bit grey.
pub(super) fn grey_rows(pixels: &Pixels) -> impl Fn(Range<usize>, &mut [u8]) + use<'_> {
    let greys = if let Pixels::Sixteen(values) = pixels {
        window(values)
    } else {
        Vec::new()
    };
    move |range, row| match pixels {
        Pixels::Eight(values) => row.copy_from_slice(&values[range]),
        Pixels::Sixteen(values) => {
            row.iter_mut()
                .zip(&values[range])
                .for_each(|(grey, &value)| *grey = greys[usize::from(value)]);
        }
    }
}

/// Returns the grey of each 16-bit value: black up to the 1st percentile, white from the 99th on. Where both are equal, only larger
/// values are white.
fn window(values: &[u16]) -> Vec<u8> {
    let mut histogram = vec![0_u64; usize::from(u16::MAX) + 1];
    for &value in values {
        histogram[usize::from(value)] += 1;
    }
    let black = percentile(&histogram, 1);
    let white = percentile(&histogram, 99).max(black + 1);
    let greys = (0..histogram.len())
        .map(|value| (value.clamp(black, white) - black) * 255 / (white - black));
    greys
        .map(|grey| u8::try_from(grey).expect("the share of 255 is a byte"))
        .collect()
}

/// Returns the least value that at least `percent` of all values do not exceed.
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
    use lungfield_radiograph::geometry::Size;

    fn drawn(side: u32, pixels: Pixels) -> Vec<u8> {
        let film = Radiograph::new(Size::square(side).unwrap(), pixels, None).unwrap();
        let mut reader = ::png::Decoder::new(Cursor::new(draw(&film)))
            .read_info()
            .unwrap();
        let mut greys = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut greys).unwrap();
        assert_eq!((info.width, info.height), (side, side));
        assert_eq!(
            (info.color_type, info.bit_depth),
            (::png::ColorType::Grayscale, ::png::BitDepth::Eight)
        );
        greys
    }

    #[test]
    fn a_film_of_eight_bits_is_shown_as_stored() {
        assert_eq!(
            drawn(2, Pixels::Eight(vec![0, 100, 200, 255])),
            [0, 100, 200, 255]
        );
    }

    #[test]
    fn deep_films_are_windowed_so_that_outliers_do_not_darken_them() {
        let mut values: Vec<u16> = (0..10_000).map(|index| 1000 + index / 10).collect();
        values[9_999] = u16::MAX;
        values[0] = 0;
        let greys = drawn(100, Pixels::Sixteen(values));
        assert_eq!(
            [greys[0], greys[50], greys[9_950], greys[9_999]],
            [0, 0, 255, 255]
        );
        assert!(greys[5_000].abs_diff(128) <= 2, "{}", greys[5_000]);
    }

    #[test]
    fn a_flat_deep_film_is_drawn() {
        for value in [0, 4095, u16::MAX] {
            assert_eq!(drawn(3, Pixels::Sixteen(vec![value; 9])), [0; 9]);
        }
    }
}
