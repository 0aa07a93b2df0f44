//! Draws the outlines of the two lung fields: their walls, their domes and their borders on the
//! heart.
//!
//! Proportions follow the average reference masks of the Montgomery and Shenzhen sets. No film was
//! traced.

use super::random::RandomStream;
use super::shapes::{HeightProfile, Outline, Point, smooth};
use crate::lungs::Side;

/// The measures that both lungs of a chest share, in chest units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proportions {
    /// The distance from the midline to the outermost point of either lung.
    pub(super) half_width: f32,
    /// The height of the apices.
    pub(super) apex: f32,
    /// The distance from the apices down to the costophrenic angles.
    pub(super) height: f32,
    /// The size of the heart, relative to the average.
    pub(super) heart: f32,
}

impl Proportions {
    /// Draws the proportions of a chest.
    pub(super) fn new(random: &mut RandomStream) -> Self {
        Self {
            half_width: random.about(0.352, 0.034),
            apex: random.about(0.122, 0.035),
            height: random.about(0.65, 0.11),
            heart: random.about(0.94, 0.18),
        }
    }

    /// Returns the chest point that is `across` half widths from the midline and `down` heights
    /// below the apices.
    pub(super) fn point(&self, side: Side, across: f32, down: f32) -> Point {
        Point::new(sign(side) * across * self.half_width, self.down(down))
    }

    /// Returns the y coordinate that is `down` lung heights below the apices.
    pub(super) fn down(&self, down: f32) -> f32 {
        self.apex + down * self.height
    }
}

/// Returns the sign of the x coordinates of a side. The patient's right is on the left of the film.
pub(super) fn sign(side: Side) -> f32 {
    match side {
        Side::Right => -1.0,
        Side::Left => 1.0,
    }
}

/// Returns the average border on the mediastinum and the heart, from the cardiophrenic angle up to
/// the apex, as pairs of across and down.
fn medial(side: Side) -> &'static [(f32, f32)] {
    match side {
        Side::Right => &[
            (0.27, 0.845),
            (0.305, 0.77),
            (0.30, 0.68),
            (0.26, 0.58),
            (0.20, 0.48),
            (0.175, 0.40),
            (0.155, 0.31),
            (0.125, 0.21),
            (0.125, 0.12),
            (0.17, 0.045),
        ],
        Side::Left => &[
            (0.585, 0.885),
            (0.615, 0.82),
            (0.595, 0.73),
            (0.53, 0.645),
            (0.44, 0.56),
            (0.345, 0.485),
            (0.27, 0.42),
            (0.225, 0.365),
            (0.24, 0.295),
            (0.195, 0.225),
            (0.145, 0.14),
            (0.18, 0.045),
        ],
    }
}

/// Returns the average diaphragm, from the costophrenic angle to the cardiophrenic angle, without
/// either of them, as pairs of across and down.
fn dome(side: Side) -> &'static [(f32, f32)] {
    match side {
        Side::Right => &[
            (0.93, 0.925),
            (0.84, 0.865),
            (0.70, 0.82),
            (0.56, 0.80),
            (0.41, 0.815),
        ],
        Side::Left => &[(0.94, 0.945), (0.875, 0.90), (0.79, 0.868), (0.70, 0.86)],
    }
}

/// The average apex and wall along the ribs, from the apex down to the costophrenic angle, as pairs
/// of across and down.
const LATERAL: &[(f32, f32)] = &[
    (0.31, 0.0),
    (0.46, 0.03),
    (0.61, 0.095),
    (0.72, 0.175),
    (0.80, 0.26),
    (0.865, 0.36),
    (0.915, 0.47),
    (0.955, 0.60),
    (0.985, 0.74),
    (1.0, 0.88),
    (0.99, 1.0),
];

/// A point of an outline, relative to the proportions of a chest.
#[derive(Clone, Copy)]
struct OutlinePoint {
    /// The distance from the midline, in half widths of the chest.
    across: f32,
    /// The distance below the apices, in heights of the lungs.
    down: f32,
}

/// A lung field, in chest units.
#[derive(Clone, Debug)]
pub(super) struct LungField {
    pub(super) side: Side,
    pub(super) outline: Outline,
    /// The distance of the wall along the ribs from the midline, by height.
    pub(super) wall: HeightProfile,
}

impl LungField {
    /// Draws the outline of a lung.
    pub(super) fn new(side: Side, proportions: &Proportions, random: &mut RandomStream) -> Self {
        let medial = medial_border(side, proportions, random);
        let lateral = lateral_wall(random);
        let dome = diaphragm(side, medial[0], lateral[lateral.len() - 1], random);
        let place = |points: &[OutlinePoint]| -> Vec<Point> {
            points
                .iter()
                .map(|point| proportions.point(side, point.across, point.down))
                .collect()
        };
        // The outline is smooth over the apex, and sharp at both ends of the diaphragm.
        let mut outline = smooth(&place(&[medial, lateral.clone()].concat()));
        outline.extend(smooth(&place(&dome)));
        let distance = |point: &Point| Point::new(point.x.abs(), point.y);
        let wall: Vec<Point> = smooth(&place(&lateral)).iter().map(distance).collect();
        Self {
            side,
            outline: Outline(outline),
            wall: HeightProfile::along(&wall),
        }
    }
}

/// Draws the border on the mediastinum and the heart. The heart moves the lower part outwards.
fn medial_border(
    side: Side,
    proportions: &Proportions,
    random: &mut RandomStream,
) -> Vec<OutlinePoint> {
    let border = medial(side).iter().map(|&(across, down)| {
        let heart = if down > 0.4 { proportions.heart } else { 1.0 };
        let across = across * heart * random.about(1.0, 0.07);
        OutlinePoint { across, down }
    });
    border.collect()
}

/// Draws the apex and the wall along the ribs.
fn lateral_wall(random: &mut RandomStream) -> Vec<OutlinePoint> {
    let wall = LATERAL.iter().map(|&(across, down)| OutlinePoint {
        across: random.about(across, 0.016),
        down,
    });
    wall.collect()
}

/// Draws the diaphragm between the costophrenic angle, `lateral`, and the cardiophrenic angle,
/// `medial`. Its height varies as a whole.
fn diaphragm(
    side: Side,
    medial: OutlinePoint,
    lateral: OutlinePoint,
    random: &mut RandomStream,
) -> Vec<OutlinePoint> {
    let lift = random.about(0.0, 0.025);
    let line = dome(side);
    let lowest = line[line.len() - 1].0;
    let mut points = vec![lateral];
    points.extend(line.iter().map(|&(across, down)| {
        // The inner end moves with the heart, so that the dome does not fold back over the
        // cardiophrenic angle.
        let inner = (medial.across + 0.1).max(lowest);
        let across = inner + (across - lowest) * ((0.94 - inner) / (0.94 - lowest));
        OutlinePoint {
            across,
            down: down + lift * (1.0 - across),
        }
    }));
    points.push(medial);
    points
}
