//! Draws the bones: spine, ribs, clavicles, shoulder blades and arms.

use super::lung::{LungField, Proportions, sign};
use super::random::RandomStream;
use super::shapes::{Point, smooth};
use super::stroke::{CrossSection, Knot, Stroke};
use crate::lungs::Side;

const RIBS: u8 = 10;
const VERTEBRAE: u8 = 18;

/// Draws all bones of a chest.
pub(super) fn skeleton(
    proportions: &Proportions,
    lungs: &[LungField; 2],
    random: &mut RandomStream,
) -> Vec<Stroke> {
    let mut bones = spine(proportions);
    for lung in lungs {
        bones.extend((0..RIBS).map(|index| rib(index, proportions, lung, random)));
        bones.push(clavicle(lung.side, proportions, random));
        bones.extend(shoulder_blade(lung.side, proportions, random));
        bones.extend(upper_arm(lung.side, proportions));
    }
    bones
}

/// Draws the soft tissue of shoulders and arms, from the neck outwards.
pub(super) fn limbs(proportions: &Proportions) -> Vec<Stroke> {
    let line = [
        (0.0, 0.02, 0.10, 7.0),
        (0.16, 0.095, 0.10, 10.0),
        (0.33, 0.15, 0.115, 12.0),
        (0.47, 0.27, 0.135, 12.5),
        (0.58, 0.44, 0.115, 9.5),
        (0.68, 0.75, 0.09, 8.0),
        (0.72, 1.4, 0.075, 7.0),
    ];
    let limb = |side: Side| {
        let knot = |(x, y, radius, depth)| Knot {
            at: beside(side, proportions, x, y),
            radius,
            depth,
        };
        Stroke {
            lines: vec![line.map(knot).to_vec()],
            section: CrossSection::Tube,
        }
    };
    Side::BOTH.map(limb).to_vec()
}

/// Returns a point outside of the lungs. The coordinates are those of a chest in average position.
fn beside(side: Side, proportions: &Proportions, x: f32, y: f32) -> Point {
    Point::new(sign(side) * x, y + proportions.apex - 0.125)
}

/// Draws a smooth bone of constant thickness.
fn bone(points: &[Point], radius: f32, depth: f32) -> Stroke {
    let line = smooth(points)
        .into_iter()
        .map(|at| Knot { at, radius, depth })
        .collect();
    Stroke {
        lines: vec![line],
        section: CrossSection::Bone,
    }
}

/// Draws the spine: a column, and the plates and processes of the vertebrae.
fn spine(proportions: &Proportions) -> Vec<Stroke> {
    let knot = |y: f32, radius, depth| Knot {
        at: Point::new(0.0, y),
        radius,
        depth,
    };
    let column = [
        knot(-9.0, 0.04, 2.0),
        knot(-0.4, 0.04, 2.0),
        knot(0.15, 0.045, 3.0),
        knot(0.6, 0.052, 4.0),
        knot(1.5, 0.065, 4.5),
        knot(9.0, 0.065, 4.5),
    ];
    let mut bones = vec![Stroke {
        lines: vec![column.to_vec()],
        section: CrossSection::Tube,
    }];
    for index in 0..VERTEBRAE {
        let y = proportions.apex - 0.16 + 0.062 * f32::from(index);
        let half = 0.036 + 0.001 * f32::from(index);
        let plate = [
            Point::new(-half, y + 0.003),
            Point::new(0.0, y),
            Point::new(half, y + 0.003),
        ];
        bones.push(bone(&plate, 0.004, 0.9));
        let process = [Point::new(0.0, y + 0.022), Point::new(0.0, y + 0.042)];
        bones.push(bone(&process, 0.007, 1.0));
        for x in [-0.6 * half, 0.6 * half] {
            bones.push(bone(
                &[Point::new(x, y + 0.014), Point::new(x, y + 0.024)],
                0.007,
                0.7,
            ));
        }
    }
    bones
}

/// Draws a rib: the posterior part from the spine to the wall, and the fainter anterior part from
/// the wall towards the sternum.
fn rib(
    index: u8,
    proportions: &Proportions,
    lung: &LungField,
    random: &mut RandomStream,
) -> Stroke {
    let order = f32::from(index);
    let start = -0.015 + 0.088 * order + random.about(0.0, 0.006);
    let steep = (0.055 + 0.007 * order) * random.about(1.0, 0.1);
    let (thick, dense) = (random.about(0.0135, 0.001), random.about(1.0, 0.15));
    let turn = start + 2.3 * steep;
    let wall = 1.02 * lung.wall.at(proportions.down(turn)) / proportions.half_width;
    let wall = if index == 0 { 0.8 * wall } else { wall };
    let place = |&(across, down): &(f32, f32)| proportions.point(lung.side, across, down);
    let posterior = [
        (0.13, start),
        (0.16 + 0.25 * wall, start - 0.35 * steep),
        (0.62 * wall, start + 0.05 * steep),
        (0.85 * wall, start + 0.8 * steep),
        (0.97 * wall, start + 1.6 * steep),
        (wall, turn),
    ];
    let anterior = [
        (wall, turn),
        (0.97 * wall, turn + 0.6 * steep),
        (0.86 * wall, turn + 1.3 * steep),
        (0.68 * wall, turn + 1.9 * steep),
        (0.5 * wall, turn + 2.2 * steep),
    ];
    let mut rib = bone(&posterior.each_ref().map(place), thick, dense);
    rib.lines
        .extend(faded(bone(&anterior.each_ref().map(place), thick, 0.65 * dense)).lines);
    rib
}

/// Makes a bone fade towards its end. Ribs become cartilage there, which an X-ray does not show.
fn faded(mut bone: Stroke) -> Stroke {
    for line in &mut bone.lines {
        let count = line.len() as f32;
        for (index, knot) in line.iter_mut().enumerate() {
            knot.depth *= (2.0 * (1.0 - index as f32 / count)).min(1.0);
        }
    }
    bone
}

/// Draws a clavicle.
fn clavicle(side: Side, proportions: &Proportions, random: &mut RandomStream) -> Stroke {
    let (lift, lean) = (random.about(0.0, 0.02), random.about(0.0, 0.02));
    let line = [
        (0.04, 0.21),
        (0.12, 0.18),
        (0.22, 0.16),
        (0.32, 0.125),
        (0.41, 0.115),
    ];
    let place = |(x, y): (f32, f32)| beside(side, proportions, x, y + lift + lean * x);
    bone(&line.map(place), 0.0125, 1.5)
}

/// Draws a shoulder blade: its medial border, its lateral border and its spine.
fn shoulder_blade(side: Side, proportions: &Proportions, random: &mut RandomStream) -> [Stroke; 3] {
    let out = random.about(0.02, 0.02);
    let place = |(x, y): (f32, f32)| beside(side, proportions, x + out, y);
    let medial = [(0.375, 0.455), (0.345, 0.36), (0.325, 0.25), (0.32, 0.155)];
    let lateral = [(0.375, 0.455), (0.40, 0.37), (0.425, 0.28), (0.435, 0.235)];
    let spine = [(0.46, 0.13), (0.39, 0.165), (0.33, 0.20)];
    [
        faded(bone(&medial.map(place), 0.005, 0.7)),
        faded(bone(&lateral.map(place), 0.009, 1.4)),
        faded(bone(&spine.map(place), 0.013, 1.3)),
    ]
}

/// Draws the upper arm: its head and its shaft.
fn upper_arm(side: Side, proportions: &Proportions) -> [Stroke; 2] {
    let place = |(x, y): (f32, f32)| beside(side, proportions, x, y);
    let head = [(0.485, 0.195), (0.495, 0.215)].map(place);
    let shaft = [(0.49, 0.21), (0.525, 0.30), (0.57, 0.45), (0.63, 0.75)].map(place);
    [bone(&head, 0.043, 1.4), faded(bone(&shaft, 0.022, 1.5))]
}
