//! Projects a chest onto a film: its position, the exposure, the noise, the collimation and the
//! marker.

use rayon::prelude::*;

use super::chest::Chest;
use super::random::RandomStream;
use super::shapes::{Outline, Placement, Point, ease, floor};
use super::stroke::{CrossSection, Ink, Knot, PlacedStroke, Stroke};
use crate::geometry::Size;
use crate::mask::Mask;

// The streams of the seed. A change to one does not change the numbers of the others. The noise of
// each row has its own stream, so that rows may be drawn in any order.
const ANATOMY_STREAM: u64 = 0;
const EXPOSURE_STREAM: u64 = 1;
const NOISE_STREAM: u64 = 2;

/// The smallest width of a lung. In an angle, a lung ends where it becomes narrower, because a
/// thinner tip would break into several components on the pixel grid.
const THINNEST_LUNG_PX: f32 = 2.0;

/// A chest that is projected onto a film of a given size.
pub(super) struct Projection {
    size: Size,
    seed: u64,
    chest: Chest,
    placement: Placement,
    lungs: Vec<Outline>,
    limbs: Vec<PlacedStroke>,
    bones: Vec<PlacedStroke>,
    vessels: Vec<PlacedStroke>,
    airways: Vec<PlacedStroke>,
    marker: PlacedStroke,
    exposure: Exposure,
}

/// The parameters that turn centimetres of tissue into grey values.
#[derive(Clone, Copy, Debug)]
struct Exposure {
    /// The tissue, in centimetres, that has half of the highest brightness. A low value gives a
    /// soft film.
    half_cm: f32,
    /// The brightness without tissue, from scattered rays.
    fog: f32,
    noise: f32,
    /// The change of brightness from the left to the right and from the top to the bottom of the
    /// film.
    tilt: Point,
    collimation: Collimation,
}

/// The frame around the exposed field: its width on each side, as a share of the film, and its
/// brightness.
#[derive(Clone, Copy, Debug)]
struct Collimation {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    lean: f32,
    brightness: f32,
}

impl Projection {
    /// Draws a chest from a seed and places it on a film.
    pub(super) fn new(seed: u64, size: Size) -> Self {
        let chest = Chest::new(&mut RandomStream::new(seed, ANATOMY_STREAM));
        let mut random = RandomStream::new(seed, EXPOSURE_STREAM);
        let placement = place(size, &mut random);
        let placed = |strokes: &[Stroke]| {
            strokes
                .iter()
                .map(|stroke| stroke.placed(placement))
                .collect()
        };
        Self {
            size,
            seed,
            lungs: chest
                .lungs
                .iter()
                .map(|lung| lung.outline.placed(placement))
                .collect(),
            limbs: placed(&chest.limbs),
            bones: placed(&chest.bones),
            vessels: placed(&chest.vessels),
            airways: placed(&chest.airways),
            marker: marker(size, &mut random),
            exposure: Exposure::new(&mut random),
            placement,
            chest,
        }
    }

    /// Returns the mask of the pixels whose centres are in a lung field.
    pub(super) fn lung_fields(&self) -> Mask {
        let mut pixels = vec![false; self.size.pixels()];
        pixels
            .par_chunks_mut(self.size.columns())
            .enumerate()
            .for_each(|(row, pixels)| {
                let spans = self
                    .lungs
                    .iter()
                    .flat_map(|lung| lung.spans(row as f32 + 0.5));
                for (enter, leave) in
                    spans.filter(|(enter, leave)| leave - enter >= THINNEST_LUNG_PX)
                {
                    // The first centre x + 0.5 to the right of `enter` has x = ⌈enter - 0.5⌉, which
                    // is ⌊enter + 0.5⌋ except for ties.
                    let end = floor(leave + 0.5).min(pixels.len());
                    let start = floor(enter + 0.5).min(end);
                    pixels[start..end].fill(true);
                }
            });
        Mask::new(self.size, pixels).expect("rows of the film's width fill its size")
    }

    /// Returns the brightness from 0 (black) to 1 (white), row by row.
    pub(super) fn brightness(&self) -> Vec<f32> {
        let (width, reach) = (self.size.columns(), 0.0034 * self.placement.scale());
        let kernel = blur_kernel(reach);
        let mut tissue = vec![0.0; self.size.pixels()];
        tissue
            .par_chunks_mut(width)
            .enumerate()
            .for_each(|(row, out)| {
                let sharp = self.tissue_cm(row as f32 + 0.5);
                for (x, value) in out.iter_mut().enumerate() {
                    *value = blurred(&kernel, x, width, |x| sharp[x]);
                }
            });
        let mut brightness = vec![0.0; self.size.pixels()];
        brightness
            .par_chunks_mut(width)
            .enumerate()
            .for_each(|(row, out)| {
                add_rows(&kernel, row, &tissue, out);
                self.expose(row, out);
            });
        brightness
    }

    /// Returns the centimetres of tissue along the row of pixel centres at height `y`.
    fn tissue_cm(&self, y: f32) -> Vec<f32> {
        let width = self.size.columns();
        let mut lung = vec![0.0; width];
        for (enter, leave) in self.lungs.iter().flat_map(|outline| outline.spans(y)) {
            cover(&mut lung, enter, leave);
        }
        let mut scratch = vec![Ink::default(); width];
        let mut row = vec![0.0; width];
        lay(&self.limbs, y, &mut scratch, |x, depth| {
            row[x] = depth.max(row[x]);
        });
        for (x, value) in row.iter_mut().enumerate() {
            let point = self.placement.to_chest(Point::new(x as f32 + 0.5, y));
            *value = self.chest.soft_tissue_cm(point, *value, lung[x]);
        }
        lay(&self.bones, y, &mut scratch, |x, depth| {
            row[x] += depth * (row[x] * 0.3).min(1.0);
        });
        lay(&self.vessels, y, &mut scratch, |x, depth| {
            row[x] += depth * lung[x];
        });
        lay(&self.airways, y, &mut scratch, |x, depth| {
            row[x] -= depth.min(0.3 * row[x]) * (1.0 - lung[x]);
        });
        row
    }

    /// Turns a row of tissue into brightness: exposure, noise, collimation and marker.
    fn expose(&self, row: usize, values: &mut [f32]) {
        let (width, height) = (self.size.columns() as f32, self.size.rows() as f32);
        let mut noise = RandomStream::new(self.seed, NOISE_STREAM + row as u64);
        let y = (row as f32 + 0.5) / height;
        for (x, value) in values.iter_mut().enumerate() {
            let at = Point::new((x as f32 + 0.5) / width, y);
            let brightness =
                self.exposure.brightness(*value, at) + self.exposure.noise * noise.grain();
            *value = self.exposure.collimation.at(at).unwrap_or(brightness);
        }
        let mut letters = vec![Ink::default(); values.len()];
        for x in self.marker.paint(row as f32 + 0.5, &mut letters) {
            values[x] += (1.0 - values[x]) * letters[x].depth;
        }
        for value in values {
            *value = value.clamp(0.0, 1.0);
        }
    }
}

/// Places the chest on the film. The chest fills the shorter side of the film, and is a little
/// larger on a film that is not square. On a tall film it is in the upper part.
fn place(size: Size, random: &mut RandomStream) -> Placement {
    let (width, height) = (size.width() as f32, size.height() as f32);
    let shorter = width.min(height);
    let longer = width.max(height) / shorter;
    let scale = shorter * random.about(1.0, 0.05) * (1.0 + 0.1 * ease((longer - 1.0) / 0.2));
    let turn = random.about(0.0, 0.035);
    let norm = (1.0 + turn * turn).sqrt();
    let right = Point::new(scale / norm, scale * turn / norm);
    let centre = Placement {
        origin: Point::new(0.0, 0.0),
        right,
    }
    .to_film(Point::new(0.0, 0.45));
    let middle = 0.5 * width + shorter * random.about(-0.008, 0.022);
    let height = 0.45 * shorter + 0.22 * (height - shorter) + shorter * random.about(0.0, 0.02);
    Placement {
        origin: Point::new(middle - centre.x, height - centre.y),
        right,
    }
}

impl Exposure {
    /// Draws an exposure.
    fn new(random: &mut RandomStream) -> Self {
        let half_cm = random.between(5.8, 10.5);
        Self {
            half_cm,
            fog: random.between(0.0, 0.21 - 0.02 * half_cm),
            noise: random.between(0.008, 0.015),
            tilt: Point::new(random.about(0.0, 0.06), random.about(0.0, 0.06)),
            collimation: Collimation::new(random),
        }
    }

    /// Returns the brightness of some tissue. The curve has a toe and a shoulder, like that of
    /// film.
    fn brightness(&self, tissue_cm: f32, at: Point) -> f32 {
        let square = tissue_cm * tissue_cm;
        let curve = 1.08 * square / (square + self.half_cm * self.half_cm);
        let tilt = 1.0 + self.tilt.x * (at.x - 0.5) + self.tilt.y * (at.y - 0.5);
        self.fog + (0.95 - self.fog) * curve * tilt
    }
}

impl Collimation {
    /// Draws a collimation.
    fn new(random: &mut RandomStream) -> Self {
        let mut side = || {
            if random.happens(0.3) {
                random.between(0.003, 0.018)
            } else {
                0.0
            }
        };
        let [left, right, top, bottom] = [side(), side(), side(), side()];
        let brightness = if random.happens(0.3) { 0.97 } else { 0.01 };
        Self {
            left,
            right,
            top,
            bottom,
            lean: random.about(0.0, 0.008),
            brightness,
        }
    }

    /// Returns the brightness of the frame if it covers a point.
    fn at(&self, at: Point) -> Option<f32> {
        let within = |width: f32, distance: f32, along: f32| {
            width > 0.0 && distance < width + self.lean * (along - 0.5)
        };
        let covered = within(self.left, at.x, at.y)
            || within(self.right, 1.0 - at.x, at.y)
            || within(self.top, at.y, at.x)
            || within(self.bottom, 1.0 - at.y, at.x);
        covered.then_some(self.brightness)
    }
}

/// Draws a lead letter in an upper corner: R on the left of the film or L on its right. They name
/// the sides of the patient.
fn marker(size: Size, random: &mut RandomStream) -> PlacedStroke {
    const R: &[(f32, f32)] = &[
        (0., 2.),
        (0., 0.),
        (0.8, 0.05),
        (1.1, 0.5),
        (0.8, 0.95),
        (0., 1.),
        (1.1, 2.),
    ];
    const L: &[(f32, f32)] = &[(0., 0.), (0., 2.), (1., 2.)];
    let (width, shorter) = (size.width() as f32, size.width().min(size.height()) as f32);
    let (letter, x) = if random.happens(0.5) {
        (R, 0.06 * shorter)
    } else {
        (L, width - 0.09 * shorter)
    };
    let origin = Point::new(x, shorter * random.between(0.04, 0.09));
    let letter_height = shorter * random.between(0.012, 0.018);
    let knot = |&(x, y): &(f32, f32)| Knot {
        at: Point::new(x, y),
        radius: 0.2,
        depth: 0.95,
    };
    let stroke = Stroke {
        lines: vec![letter.iter().map(knot).collect()],
        section: CrossSection::Flat,
    };
    stroke.placed(Placement {
        origin,
        right: Point::new(letter_height, 0.0),
    })
}

/// Paints strokes one after the other, and passes the depth at each pixel to `add`. `scratch` is
/// blank before and after.
fn lay(strokes: &[PlacedStroke], y: f32, scratch: &mut [Ink], mut add: impl FnMut(usize, f32)) {
    for stroke in strokes {
        for x in stroke.paint(y, scratch) {
            add(x, std::mem::take(&mut scratch[x]).depth);
        }
    }
}

/// Adds to each pixel the share of it that is between two positions on its row.
fn cover(row: &mut [f32], enter: f32, leave: f32) {
    let end = floor(leave + 1.0).min(row.len());
    for (x, part) in row.iter_mut().enumerate().take(end).skip(floor(enter)) {
        let left = x as f32;
        *part = (*part + (leave.min(left + 1.0) - enter.max(left)).max(0.0)).min(1.0);
    }
}

/// Returns the weights of a bell-shaped blur, which is 0 one pixel beyond `reach`. The weight of
/// the middle comes first, the others are used on both sides. All together, they add up to 1.
fn blur_kernel(reach: f32) -> Vec<f32> {
    let bell = |distance: f32| {
        let part = distance / (reach + 1.0);
        (1.0 - part * part).max(0.0) * (1.0 - part * part).max(0.0)
    };
    let weights: Vec<f32> = (0..=floor(reach))
        .map(|distance| bell(distance as f32))
        .collect();
    let sum = 2.0 * weights.iter().sum::<f32>() - weights[0];
    weights.iter().map(|weight| weight / sum).collect()
}

/// Returns the weighted mean around position `at` of a line of `count` values, with the ends
/// repeated.
fn blurred(kernel: &[f32], at: usize, count: usize, value: impl Fn(usize) -> f32) -> f32 {
    let around = kernel.iter().enumerate().skip(1);
    let around = around.map(|(distance, weight)| {
        weight * (value(at.saturating_sub(distance)) + value((at + distance).min(count - 1)))
    });
    kernel[0] * value(at) + around.sum::<f32>()
}

/// Adds the weighted mean around `row` of each column of `tissue` to `out`, with the ends repeated.
fn add_rows(kernel: &[f32], row: usize, tissue: &[f32], out: &mut [f32]) {
    let width = out.len();
    let rows = tissue.len() / width;
    let mut add = |row: usize, weight: f32| {
        for (sum, value) in out.iter_mut().zip(&tissue[row * width..]) {
            *sum += weight * value;
        }
    };
    add(row, kernel[0]);
    for (distance, &weight) in kernel.iter().enumerate().skip(1) {
        add(row.saturating_sub(distance), weight);
        add((row + distance).min(rows - 1), weight);
    }
}
