//! Decides what the two lung fields look like: where their walls, their domes and their borders on the heart run.
//!
//! Proportions follow the average reference masks of the Montgomery and Shenzhen sets; no film was traced.

use super::chance::Chance;
use super::shapes::{Course, Outline, Point, smooth};

/// What the two lungs of a chest have in common, in chest units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// From the midline to the outermost point of either lung.
    pub(super) half_width: f32,
    /// The height of the apices.
    pub(super) apex: f32,
    /// From the apices down to the costophrenic angles.
    pub(super) height: f32,
    /// How large the heart is, 1 being average.
    pub(super) heart: f32,
}

impl Frame {
    pub(super) fn new(chance: &mut Chance) -> Self {
        Self {
            half_width: chance.about(0.352, 0.034),
            apex: chance.about(0.122, 0.035),
            height: chance.about(0.65, 0.11),
            heart: chance.about(0.94, 0.18),
        }
    }

    /// The chest point that lies `across` half widths from the midline and `down` heights below the apices.
    pub(super) fn point(&self, side: Side, across: f32, down: f32) -> Point {
        Point::new(side.sign() * across * self.half_width, self.down(down))
    }

    /// The height that lies `down` lung heights below the apices.
    pub(super) fn down(&self, down: f32) -> f32 {
        self.apex + down * self.height
    }
}

/// The patient's side. On a film the patient's right is on the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Right,
    Left,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::Right, Self::Left];

    /// The sign of the side's x coordinates on the film.
    pub(super) fn sign(self) -> f32 {
        match self {
            Self::Right => -1.0,
            Self::Left => 1.0,
        }
    }

    /// The border on the mediastinum and the heart, from the cardiophrenic angle up to the apex.
    fn medial(self) -> &'static [(f32, f32)] {
        match self {
            Self::Right => &[
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
            Self::Left => &[
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

    /// The diaphragm, from the costophrenic angle to the cardiophrenic one, both left out.
    fn dome(self) -> &'static [(f32, f32)] {
        match self {
            Self::Right => &[
                (0.93, 0.925),
                (0.84, 0.865),
                (0.70, 0.82),
                (0.56, 0.80),
                (0.41, 0.815),
            ],
            Self::Left => &[(0.94, 0.945), (0.875, 0.90), (0.79, 0.868), (0.70, 0.86)],
        }
    }
}

/// The apex and the wall along the ribs, from the apex down to the costophrenic angle.
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

/// One lung field in chest units.
#[derive(Clone, Debug)]
pub(super) struct Lung {
    pub(super) side: Side,
    pub(super) outline: Outline,
    /// How far from the midline the wall along the ribs runs, by height.
    pub(super) wall: Course,
}

impl Lung {
    pub(super) fn new(side: Side, frame: &Frame, chance: &mut Chance) -> Self {
        let medial = medial_border(side, frame, chance);
        let lateral: Vec<(f32, f32)> = LATERAL
            .iter()
            .map(|&(across, down)| (chance.about(across, 0.016), down))
            .collect();
        let dome = diaphragm(side, medial[0], lateral[lateral.len() - 1], chance);
        let place = |points: &[(f32, f32)]| -> Vec<Point> {
            points
                .iter()
                .map(|&(across, down)| frame.point(side, across, down))
                .collect()
        };
        // Smooth over the apex, sharp at both ends of the diaphragm.
        let mut outline = smooth(&place(&[medial, lateral.clone()].concat()));
        outline.extend(smooth(&place(&dome)));
        let distance = |point: &Point| Point::new(point.x.abs(), point.y);
        let wall: Vec<Point> = smooth(&place(&lateral)).iter().map(distance).collect();
        Self {
            side,
            outline: Outline(outline),
            wall: Course::along(&wall),
        }
    }
}

/// The heart pushes the lower part of the border outwards.
fn medial_border(side: Side, frame: &Frame, chance: &mut Chance) -> Vec<(f32, f32)> {
    let border = side.medial().iter().map(|&(across, down)| {
        let heart = if down > 0.4 { frame.heart } else { 1.0 };
        (across * heart * chance.about(1.0, 0.07), down)
    });
    border.collect()
}

/// A dome between the two angles, higher or lower as a whole.
fn diaphragm(
    side: Side,
    medial: (f32, f32),
    lateral: (f32, f32),
    chance: &mut Chance,
) -> Vec<(f32, f32)> {
    let lift = chance.about(0.0, 0.025);
    let lowest = side.dome()[side.dome().len() - 1].0;
    let mut dome = vec![lateral];
    dome.extend(side.dome().iter().map(|&(across, down)| {
        // The inner end moves with the heart, so that the dome never folds back over the cardiophrenic angle.
        let inner = (medial.0 + 0.1).max(lowest);
        let across = inner + (across - lowest) * ((0.94 - inner) / (0.94 - lowest));
        (across, down + lift * (1.0 - across))
    }));
    dome.push(medial);
    dome
}
