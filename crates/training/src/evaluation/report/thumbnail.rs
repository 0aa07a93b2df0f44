//! The pictures of the best and the worst films of a report.

use fast_image_resize::pixels::{U8, U16};

use crate::evaluation::evaluator::SegmentedCase;
use crate::evaluation::measure::ScoredCase;
use lungfield_codec::overlay;
use lungfield_radiograph::geometry::{Geometry, Size};
use lungfield_radiograph::mask::Mask;
use lungfield_radiograph::overlap::SizeMismatch;
use lungfield_radiograph::postprocess;
use lungfield_radiograph::preprocess::resize;
use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// The longest side of a thumbnail, in pixels. A page with a dozen of them is below 3 MB.
const LONGEST: u32 = 384;

/// The picture of a scored film: the mask of the model in red, the outline of the reference mask in white.
#[derive(Clone, Debug)]
pub struct Thumbnail {
    /// The name of the case.
    pub case: String,
    /// The data set in which the case was published.
    pub source: String,
    /// The Dice score, on the film's own grid.
    pub dice: f64,
    /// Whether the reference mask is known to be doubtful.
    pub doubtful: bool,
    /// The picture as a PNG image, with no side longer than 384 pixels.
    pub png: Vec<u8>,
}

impl Thumbnail {
    /// Draws the thumbnail of a scored case.
    pub fn draw(scored: &ScoredCase, segmented: &SegmentedCase) -> Result<Self, SizeMismatch> {
        let SegmentedCase {
            film,
            mask,
            reference,
        } = segmented;
        Ok(Self {
            case: scored.case.clone(),
            source: scored.source.clone(),
            dice: scored.dice(),
            doubtful: scored.doubtful,
            png: draw_overlay(film, mask, reference)?,
        })
    }
}

/// The films that a report shows, by their indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The films with the highest Dice scores, the best first.
    pub best: Vec<usize>,
    /// The films with the lowest Dice scores, the worst first.
    pub worst: Vec<usize>,
}

/// Chooses up to `count` films with the highest Dice scores, and as many with the lowest. Films with equal scores are
/// chosen in their order.
///
/// No film is chosen twice. If there are fewer than `2 * count` films, the worst are chosen first and the best are fewer.
#[must_use]
pub fn choose(films: &[ScoredCase], count: usize) -> Chosen {
    let mut ascending: Vec<usize> = (0..films.len()).collect();
    ascending.sort_by(|&a, &b| films[a].dice().total_cmp(&films[b].dice()));
    let (worst, rest) = ascending.split_at(count.min(films.len()));
    Chosen {
        best: rest.iter().rev().take(count).copied().collect(),
        worst: worst.to_vec(),
    }
}

/// Draws an overlay with no side longer than [`LONGEST`].
///
/// A larger film is reduced first, together with the masks: a pixel of a reduced mask is lung if at least half of the
/// pixels that it covers are. So the outline keeps its width, and no film is enlarged.
fn draw_overlay(film: &Radiograph, mask: &Mask, reference: &Mask) -> Result<Vec<u8>, SizeMismatch> {
    let size = film.size();
    for drawn in [mask, reference] {
        if drawn.size() != size {
            return Err(SizeMismatch {
                first: size,
                second: drawn.size(),
            });
        }
    }
    if size.width().max(size.height()) <= LONGEST {
        return overlay::draw(film, mask, Some(reference));
    }
    let geometry = Geometry::letterbox(size, LONGEST);
    let [mask, reference] = [mask, reference].map(|mask| reduced_mask(mask, &geometry));
    overlay::draw(
        &reduced_film(film, geometry.placed()),
        &mask,
        Some(&reference),
    )
}

/// Reduces a mask to the pixels of the film within the square of the geometry.
fn reduced_mask(mask: &Mask, geometry: &Geometry) -> Mask {
    let coverage = postprocess::coverage(mask, geometry);
    let (left, top, size) = (
        geometry.left() as usize,
        geometry.top() as usize,
        geometry.placed(),
    );
    let rows = coverage
        .values()
        .chunks_exact(coverage.side() as usize)
        .skip(top)
        .take(size.rows());
    let pixels = rows
        .flat_map(|row| &row[left..left + size.columns()])
        .map(|&share| share >= 0.5);
    Mask::new(size, pixels).expect("the film takes up as many pixels as it is placed on")
}

/// Reduces a film, with its bit depth. Every pixel of the film counts.
fn reduced_film(film: &Radiograph, size: Size) -> Radiograph {
    let pixels = match film.pixels() {
        Pixels::Eight(greys) => {
            let reduced = resize::<U8>(greys, film.size(), size);
            Pixels::Eight(reduced.pixels().iter().map(|grey| grey.0).collect())
        }
        Pixels::Sixteen(greys) => {
            let reduced = resize::<U16>(bytemuck::cast_slice(greys), film.size(), size);
            Pixels::Sixteen(reduced.pixels().iter().map(|grey| grey.0).collect())
        }
    };
    Radiograph::new(size, pixels, None).expect("the resizer fills the size that it was given")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::evaluation::fixtures::scored;
    use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};

    fn phantom(width: u32, height: u32, depth: Depth) -> Phantom {
        Phantom::draw(&PhantomOptions {
            seed: 5,
            size: Size::new(width, height).unwrap(),
            depth,
        })
    }

    /// The PNG's size and its pixels as red, green and blue.
    fn decoded(png: &[u8]) -> ((u32, u32), Vec<[u8; 3]>) {
        let mut reader = png::Decoder::new(Cursor::new(png))
            .read_info()
            .expect("a PNG is drawn");
        let mut samples = vec![0; reader.output_buffer_size().expect("a picture is small")];
        let info = reader.next_frame(&mut samples).expect("every row is drawn");
        (
            (info.width, info.height),
            samples
                .chunks_exact(3)
                .map(|rgb| [rgb[0], rgb[1], rgb[2]])
                .collect(),
        )
    }

    #[test]
    fn the_best_and_the_worst_are_chosen_and_no_film_is_both() {
        let films: Vec<_> = [5, 9, 10, 7, 8]
            .map(|found| scored(&format!("{found}"), "x", 10, found))
            .into();
        let chosen = |count| {
            let Chosen { best, worst } = choose(&films, count);
            (best, worst)
        };
        assert_eq!(chosen(2), (vec![2, 1], vec![0, 3]));
        assert_eq!(chosen(3), (vec![2, 1], vec![0, 3, 4]));
        assert_eq!(chosen(9), (vec![], vec![0, 3, 4, 1, 2]));
        assert_eq!(chosen(0), (vec![], vec![]));
        assert_eq!(choose(&[], 3), Chosen::default());
    }

    #[test]
    fn a_large_film_is_reduced_with_its_aspect_and_lung_stays_where_it_is() {
        for depth in [Depth::Eight, Depth::Twelve] {
            let Phantom { film, mask } = phantom(800, 600, depth);
            let (size, pixels) =
                decoded(&draw_overlay(&film, &mask, &Mask::empty(film.size())).unwrap());
            assert_eq!(size, (384, 288));
            let red =
                pixels.iter().filter(|rgb| rgb[0] > rgb[1]).count() as f64 / pixels.len() as f64;
            let lung = mask.area_px() as f64 / mask.size().pixels() as f64;
            assert!((red / lung - 1.0).abs() < 0.02, "{red} of {lung}");
        }
    }

    #[test]
    fn a_small_film_is_drawn_as_it_is() {
        let Phantom { film, mask } = phantom(200, 384, Depth::Eight);
        let drawn = draw_overlay(&film, &mask, &mask).unwrap();
        assert_eq!(drawn, overlay::draw(&film, &mask, Some(&mask)).unwrap());
    }

    #[test]
    fn a_dozen_pictures_fit_on_a_page() {
        let Phantom { film, mask } = phantom(512, 512, Depth::Eight);
        let bytes = draw_overlay(&film, &mask, &mask).unwrap().len();
        assert!(bytes < 3_000_000 / 12 * 3 / 4, "{bytes} bytes");
    }

    #[test]
    fn masks_of_another_size_are_refused() {
        let Phantom { film, mask } = phantom(40, 40, Depth::Eight);
        let other = Mask::empty(Size::new(40, 41).unwrap());
        assert!(draw_overlay(&film, &other, &mask).is_err());
        assert!(draw_overlay(&film, &mask, &other).is_err());
    }
}
