//! Reads the films of the JSRT data set and their SCR masks.
//!
//! A film is a file of bare pixels: 2048 rows of 2048 big-endian 16-bit values, of which 12 bits are used (Shiraishi et
//! al. 2000). Its masks were published on a grid of half as many rows and columns, a GIF file for each lung (van Ginneken
//! et al. 2006).

use std::io::Read;
use std::path::{Path, PathBuf};

use super::gif;
use crate::dataset::error::CaseError;
use lungfield_codec::{DecodeError, Limits};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::radiograph::{PixelSpacing, Pixels, Radiograph};

/// The side of a film, in pixels.
pub(in crate::dataset) const FILM_SIDE: u32 = 2048;
/// The side of a mask, in pixels.
pub(in crate::dataset) const MASK_SIDE: u32 = 1024;
/// The film pixels along each side of a mask pixel.
const FILM_PIXELS: usize = 2;
/// The largest value of 12 bits.
const LARGEST: u16 = 4095;
/// The distance between neighbouring pixels in both directions, in millimetres.
const SPACING_MM: f64 = 0.175;

/// Reads a film. At most one byte more than a film has is read from the file.
pub(in crate::dataset) fn read_film(path: &Path) -> Result<Radiograph, CaseError> {
    let size_bytes = 2 * film_size().pixels();
    let mut bytes = Vec::with_capacity(size_bytes + 1);
    fs_err::File::open(path)?
        .take(size_bytes as u64 + 1)
        .read_to_end(&mut bytes)?;
    invert(&bytes).map_err(|cause| CaseError::Film {
        path: path.to_owned(),
        cause,
    })
}

/// Converts stored values to brightness.
///
/// A stored value is high where the film is black. It is inverted, so that lungs are dark as on every other film.
fn invert(bytes: &[u8]) -> Result<Radiograph, DecodeError> {
    let size = film_size();
    if bytes.len() != 2 * size.pixels() {
        return Err(DecodeError::Undecodable(format!(
            "a JSRT film has {} bytes",
            2 * size.pixels()
        )));
    }
    let values = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let bright = values
        .map(|value| LARGEST.checked_sub(value))
        .collect::<Option<_>>();
    let bright = bright.ok_or_else(|| {
        DecodeError::Undecodable(format!("a JSRT film has big-endian values up to {LARGEST}"))
    })?;
    let spacing = PixelSpacing::new(SPACING_MM, SPACING_MM);
    Ok(Radiograph::new(size, Pixels::Sixteen(bright), spacing)
        .expect("there is a value for each pixel"))
}

/// Reads the masks of both lungs and unites them on the grid of the film.
///
/// In every other data set a mask must have the size of its film. An SCR mask covers its film from edge to edge on a
/// grid of half as many rows and columns, so each of its pixels stands for 2×2 pixels of the film.
pub(in crate::dataset) fn read_reference([left, right]: &[PathBuf; 2]) -> Result<Mask, CaseError> {
    let both = read_lung(left)?.union(&read_lung(right)?);
    Ok(doubled(
        &both.expect("both masks were checked to have one size"),
    ))
}

fn read_lung(path: &Path) -> Result<Mask, CaseError> {
    let limits = Limits {
        max_pixels: u64::from(FILM_SIDE).pow(2),
    };
    let mask =
        gif::decode_mask(&fs_err::read(path)?, limits).map_err(|cause| CaseError::Reference {
            path: path.to_owned(),
            cause,
        })?;
    if Some(mask.size()) != Size::square(MASK_SIDE) {
        return Err(CaseError::ScrSize {
            path: path.to_owned(),
            found: mask.size(),
        });
    }
    Ok(mask)
}

fn doubled(mask: &Mask) -> Mask {
    let mut doubled = Mask::empty(film_size());
    for (y, row) in mask.rows().enumerate() {
        for run in row.runs() {
            let columns = FILM_PIXELS * run.start..FILM_PIXELS * run.end;
            (0..FILM_PIXELS)
                .for_each(|below| doubled.fill(FILM_PIXELS * y + below, columns.clone()));
        }
    }
    doubled
}

fn film_size() -> Size {
    Size::square(FILM_SIDE).expect("a film has pixels")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::builders::{encode_gif, jsrt_bytes};

    fn path(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn twelve_bit_values_are_inverted() {
        let mut values = vec![0_u16; film_size().pixels()];
        values[..3].copy_from_slice(&[4095, 0x0102, 1]);
        let folder = tempfile::tempdir().unwrap();
        let film = read_film(&path(&folder, "a.IMG", &jsrt_bytes(&values))).unwrap();
        let Pixels::Sixteen(bright) = film.pixels() else {
            panic!("12 bits became 8")
        };
        assert_eq!(bright[..4], [0, 4095 - 0x0102, 4094, 4095]);
        let area = film.spacing().unwrap().pixel_area_mm2();
        assert!((area - 0.175 * 0.175).abs() < 1e-6, "{area}");
    }

    #[test]
    fn a_file_of_another_length_or_depth_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut values = vec![0_u16; film_size().pixels()];
        for count in [values.len() - 1, values.len() + 1] {
            values.resize(count, 0);
            let text = read_film(&path(&folder, "a.IMG", &jsrt_bytes(&values)))
                .unwrap_err()
                .to_string();
            assert!(
                text.contains("a.IMG") && text.contains("8388608 bytes"),
                "{text}"
            );
        }
        values.resize(film_size().pixels(), 0);
        values[17] = 4096;
        let text = read_film(&path(&folder, "a.IMG", &jsrt_bytes(&values)))
            .unwrap_err()
            .to_string();
        assert!(text.contains("up to 4095"), "{text}");
    }

    #[test]
    fn each_mask_pixel_stands_for_four_film_pixels_and_both_lungs_count() {
        let side = MASK_SIDE as usize;
        let mask = |at: usize| {
            let pixels = (0..side * side).map(|index| index == at);
            encode_gif(&Mask::new(Size::square(MASK_SIDE).unwrap(), pixels).unwrap())
        };
        let folder = tempfile::tempdir().unwrap();
        let last = side * side - 1;
        let lungs = [
            path(&folder, "l.gif", &mask(side + 3)),
            path(&folder, "r.gif", &mask(last)),
        ];
        let found = read_reference(&lungs).unwrap();
        let lung: Vec<_> = found
            .pixels()
            .enumerate()
            .filter(|(_, lung)| *lung)
            .map(|(at, _)| at)
            .collect();
        let at = |x: usize, y: usize| 2048 * y + x;
        let (corner, end) = ([at(6, 2), at(7, 2), at(6, 3), at(7, 3)], 2047);
        let opposite = [
            at(end - 1, end - 1),
            at(end, end - 1),
            at(end - 1, end),
            at(end, end),
        ];
        assert_eq!(lung, [corner, opposite].concat());
    }

    #[test]
    fn a_mask_on_another_grid_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let size = Size::square(512).unwrap();
        let small = path(&folder, "small.gif", &encode_gif(&Mask::empty(size)));
        let text = read_reference(&[small.clone(), small])
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("small.gif") && text.contains("512×512"),
            "{text}"
        );
    }
}
