//! Decides how a chest becomes a film: where it lies, how rays blacken it, and what else a cassette shows.

use rayon::prelude::*;

use super::chance::Chance;
use super::chest::Chest;
use super::shapes::{Outline, Placement, Point, ease, floor};
use super::stroke::{CrossSection, Ink, Knot, PlacedStroke, Stroke};
use crate::geometry::Size;
use crate::mask::Mask;

// Streams of the seed: a change to one leaves the others' numbers as they are. Each row's noise has a stream of its own,
// so that rows may be drawn in any order.
const ANATOMY_STREAM: u64 = 0;
const EXPOSURE_STREAM: u64 = 1;
const NOISE_STREAM: u64 = 2;

/// Where a lung runs into an angle, it ends where it gets narrower than this: a thinner tip would break into crumbs on
/// the pixel grid, and each lung is to be one piece.
const THINNEST_LUNG_PX: f32 = 2.0;

/// A chest laid on a film of a given size.
pub(super) struct Film {
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

/// How grey values follow from centimetres of tissue, and what frames the picture.
#[derive(Clone, Copy, Debug)]
struct Exposure {
    /// The tissue, in centimetres, that comes out half as bright as the brightest: low for soft, high for hard films.
    half_cm: f32,
    /// The brightness of bare film, from scattered rays.
    fog: f32,
    noise: f32,
    /// Brightness that grows from the film's left to its right, and from its top to its bottom.
    tilt: Point,
    frame: Border,
}

/// The edge of the exposed field: width of the frame on each side, in parts of the film, and its brightness.
#[derive(Clone, Copy, Debug)]
struct Border {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    lean: f32,
    brightness: f32,
}

impl Film {
    pub(super) fn new(seed: u64, size: Size) -> Self {
        let chest = Chest::new(&mut Chance::new(seed, ANATOMY_STREAM));
        let mut chance = Chance::new(seed, EXPOSURE_STREAM);
        let placement = place(size, &mut chance);
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
            marker: marker(size, &mut chance),
            exposure: Exposure::new(&mut chance),
            placement,
            chest,
        }
    }

    /// Which pixel centres lie in a lung field.
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
                    // A centre at x + 0.5 lies right of `enter` from x = ⌈enter - 0.5⌉ on, which is ⌊enter + 0.5⌋ but for ties.
                    let end = floor(leave + 0.5).min(pixels.len());
                    let start = floor(enter + 0.5).min(end);
                    pixels[start..end].fill(true);
                }
            });
        Mask::new(self.size, pixels).expect("rows of the film's width fill its size")
    }

    /// Brightness from 0 (black) to 1 (white), row by row.
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

    /// Centimetres of tissue along the row of pixel centres at height `y`.
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

    /// Turns a row of tissue into brightness: exposure, noise, frame and marker.
    fn expose(&self, row: usize, values: &mut [f32]) {
        let (width, height) = (self.size.columns() as f32, self.size.rows() as f32);
        let mut noise = Chance::new(self.seed, NOISE_STREAM + row as u64);
        let y = (row as f32 + 0.5) / height;
        for (x, value) in values.iter_mut().enumerate() {
            let at = Point::new((x as f32 + 0.5) / width, y);
            let brightness =
                self.exposure.brightness(*value, at) + self.exposure.noise * noise.grain();
            *value = self.exposure.frame.around(at).unwrap_or(brightness);
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

/// The chest fills the film's shorter side, and a little more of it where the film is turned to suit the patient; on
/// a tall film it lies in the upper part.
fn place(size: Size, chance: &mut Chance) -> Placement {
    let (width, height) = (size.width() as f32, size.height() as f32);
    let shorter = width.min(height);
    let longer = width.max(height) / shorter;
    let scale = shorter * chance.about(1.0, 0.05) * (1.0 + 0.1 * ease((longer - 1.0) / 0.2));
    let turn = chance.about(0.0, 0.035);
    let norm = (1.0 + turn * turn).sqrt();
    let right = Point::new(scale / norm, scale * turn / norm);
    let centre = Placement {
        origin: Point::new(0.0, 0.0),
        right,
    }
    .to_film(Point::new(0.0, 0.45));
    let middle = 0.5 * width + shorter * chance.about(-0.008, 0.022);
    let height = 0.45 * shorter + 0.22 * (height - shorter) + shorter * chance.about(0.0, 0.02);
    Placement {
        origin: Point::new(middle - centre.x, height - centre.y),
        right,
    }
}

impl Exposure {
    fn new(chance: &mut Chance) -> Self {
        let half_cm = chance.between(5.8, 10.5);
        Self {
            half_cm,
            fog: chance.between(0.0, 0.21 - 0.02 * half_cm),
            noise: chance.between(0.008, 0.015),
            tilt: Point::new(chance.about(0.0, 0.06), chance.about(0.0, 0.06)),
            frame: Border::new(chance),
        }
    }

    /// A film curve with a toe and a shoulder.
    fn brightness(&self, tissue_cm: f32, at: Point) -> f32 {
        let square = tissue_cm * tissue_cm;
        let curve = 1.08 * square / (square + self.half_cm * self.half_cm);
        let tilt = 1.0 + self.tilt.x * (at.x - 0.5) + self.tilt.y * (at.y - 0.5);
        self.fog + (0.95 - self.fog) * curve * tilt
    }
}

impl Border {
    fn new(chance: &mut Chance) -> Self {
        let mut side = || {
            if chance.happens(0.3) {
                chance.between(0.003, 0.018)
            } else {
                0.0
            }
        };
        let [left, right, top, bottom] = [side(), side(), side(), side()];
        let brightness = if chance.happens(0.3) { 0.97 } else { 0.01 };
        Self {
            left,
            right,
            top,
            bottom,
            lean: chance.about(0.0, 0.008),
            brightness,
        }
    }

    /// The frame's brightness where it covers the film.
    fn around(&self, at: Point) -> Option<f32> {
        let within = |width: f32, distance: f32, along: f32| {
            width > 0.0 && distance < width + self.lean * (along - 0.5)
        };
        let framed = within(self.left, at.x, at.y)
            || within(self.right, 1.0 - at.x, at.y)
            || within(self.top, at.y, at.x)
            || within(self.bottom, 1.0 - at.y, at.x);
        framed.then_some(self.brightness)
    }
}

/// A lead letter in an upper corner: R at the film's left or L at its right, the patient's sides.
fn marker(size: Size, chance: &mut Chance) -> PlacedStroke {
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
    let (letter, x) = if chance.happens(0.5) {
        (R, 0.06 * shorter)
    } else {
        (L, width - 0.09 * shorter)
    };
    let origin = Point::new(x, shorter * chance.between(0.04, 0.09));
    let letter_height = shorter * chance.between(0.012, 0.018);
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

/// Paints strokes one after the other and hands over each pixel's depth; `scratch` is blank before and after.
fn lay(strokes: &[PlacedStroke], y: f32, scratch: &mut [Ink], mut add: impl FnMut(usize, f32)) {
    for stroke in strokes {
        for x in stroke.paint(y, scratch) {
            add(x, std::mem::take(&mut scratch[x]).depth);
        }
    }
}

/// Adds to each pixel the part of it that lies between two positions on its row.
fn cover(row: &mut [f32], enter: f32, leave: f32) {
    let end = floor(leave + 1.0).min(row.len());
    for (x, part) in row.iter_mut().enumerate().take(end).skip(floor(enter)) {
        let left = x as f32;
        *part = (*part + (leave.min(left + 1.0) - enter.max(left)).max(0.0)).min(1.0);
    }
}

/// Weights of a bell that is 0 one pixel beyond `reach`; they add up to 1. The middle one comes first, the rest count twice.
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

/// The weighted mean around position `at` of a line of `count` values, its ends repeated.
fn blurred(kernel: &[f32], at: usize, count: usize, value: impl Fn(usize) -> f32) -> f32 {
    let around = kernel.iter().enumerate().skip(1);
    let around = around.map(|(distance, weight)| {
        weight * (value(at.saturating_sub(distance)) + value((at + distance).min(count - 1)))
    });
    kernel[0] * value(at) + around.sum::<f32>()
}

/// The same mean down the columns, into one row.
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
