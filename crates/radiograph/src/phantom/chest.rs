//! Decides what a chest is made of and how many centimetres of tissue an X-ray crosses at each of its points.
//!
//! Chest units: x grows to the film's right from the midline, y downwards from the film's top; 1 is about the shorter
//! side of the film, 40 cm.

use super::bones;
use super::chance::Chance;
use super::lung::{Frame, Lung, Side};
use super::shapes::{Course, Point, SoftBody, Unevenness, ease, smooth};
use super::stroke::Stroke;
use super::vessels;

/// Everything about a chest that its seed decides, at no particular size.
#[derive(Clone, Debug)]
pub(super) struct Chest {
    pub(super) frame: Frame,
    pub(super) lungs: [Lung; 2],
    /// Shoulders and arms: soft tissue beside the trunk.
    pub(super) limbs: Vec<Stroke>,
    /// What adds to the ray: bones.
    pub(super) bones: Vec<Stroke>,
    /// What adds to the ray where there is lung around it.
    pub(super) vessels: [Stroke; 2],
    /// What takes from the ray: the trachea and the main bronchi.
    pub(super) airways: [Stroke; 1],
    trunk: Trunk,
    bodies: Vec<SoftBody>,
    air_cm: f32,
    unevenness: [Unevenness; 3],
}

/// The outer shape of the body without its limbs.
#[derive(Clone, Debug)]
struct Trunk {
    half_width: Course,
    depth_cm: Course,
}

impl Chest {
    pub(super) fn new(chance: &mut Chance) -> Self {
        let frame = Frame::new(chance);
        let lungs = Side::BOTH.map(|side| Lung::new(side, &frame, chance));
        let bones = bones::skeleton(&frame, &lungs, chance);
        let vessels = Side::BOTH.map(|side| vessels::tree(side, &frame, chance));
        Self {
            limbs: bones::limbs(&frame),
            bones,
            vessels,
            airways: [vessels::airways(&frame)],
            trunk: Trunk::new(&frame, chance),
            bodies: bodies(&frame, chance),
            air_cm: chance.about(14.0, 0.8),
            unevenness: [5.0, 24.0, 70.0].map(|cells| Unevenness::new(chance, cells)),
            frame,
            lungs,
        }
    }

    /// Centimetres of soft tissue on the ray through `point`, where `limb` of them belong to a shoulder or an arm and
    /// `lung` (0 to 1) of the point lies in a lung field.
    pub(super) fn soft_tissue_cm(&self, point: Point, limb: f32, lung: f32) -> f32 {
        let trunk = self.trunk.at(point);
        let body = merged(trunk, limb);
        if body <= 0.0 {
            return 0.0;
        }
        let bodies: f32 = self.bodies.iter().map(|soft| soft.at(point)).sum();
        let air = if lung > 0.0 {
            lung * self.lung_air_cm(point)
        } else {
            0.0
        };
        let hidden = (1.0 - lung) * self.hidden_air_cm(point);
        let uneven = 1.0 + 0.05 * self.unevenness[0].at(point);
        let flesh = body + bodies * (trunk / 4.0).min(1.0);
        (flesh * uneven - air - hidden.min(0.5 * trunk)).max(0.6 * body.min(1.0))
    }

    /// Air of a lung field: thinner towards the wall, where the chest rounds off, and towards the apex.
    fn lung_air_cm(&self, point: Point) -> f32 {
        let Frame { apex, height, .. } = self.frame;
        let lung = &self.lungs[usize::from(point.x > 0.0)];
        let across = point.x.abs() / lung.wall.at(point.y);
        let down = (point.y - apex) / height;
        let rounded = (1.0 - across * across).max(0.0).sqrt();
        let along = 0.70 + 0.30 * ease(down / 0.3) - 0.06 * ease((down - 0.35) / 0.6);
        let grain = 0.07 * self.unevenness[1].at(point) + 0.055 * self.unevenness[2].at(point);
        self.air_cm * along * (0.2 + 0.8 * rounded) * (1.0 + grain)
    }

    /// Lung that lies before and behind the heart and the diaphragm, and counts as no lung field.
    fn hidden_air_cm(&self, point: Point) -> f32 {
        let down = (point.y - self.frame.apex) / self.frame.height;
        let across = point.x / (0.85 * self.frame.half_width);
        let spread = 1.0 + across * across * across * across;
        8.0 * ease(down / 0.3) * (1.0 - ease((down - 0.8) / 0.25)) / spread
    }
}

/// Two bodies that overlap in depth by a part only.
fn merged(one: f32, other: f32) -> f32 {
    let difference = one - other;
    0.5 * (one + other + (difference * difference + 0.35 * one * other).sqrt())
}

impl Trunk {
    fn new(frame: &Frame, chance: &mut Chance) -> Self {
        let girth = chance.about(1.17, 0.05) * frame.half_width;
        let waist = chance.about(0.97, 0.07) * girth;
        let neck = chance.about(0.105, 0.015);
        let stout = chance.about(1.0, 0.1);
        let top = frame.apex;
        let line = |points: &[(f32, f32)]| -> Course {
            let points: Vec<Point> = points.iter().map(|&(x, y)| Point::new(x, y)).collect();
            Course::along(&smooth(&points))
        };
        let half_width = line(&[
            (neck, -0.3),
            (neck, top - 0.16),
            (neck * 1.25, top - 0.10),
            (neck * 2.1, top - 0.045),
            (girth * 0.93, top + 0.03),
            (girth * 1.10, top + 0.16),
            (girth * 1.06, top + 0.34),
            (girth, top + 0.56),
            (waist, 0.92),
            (waist, 1.3),
        ]);
        let depth_cm = line(&[
            (10.0, -0.3),
            (10.5, top - 0.12),
            (13.5, top - 0.02),
            (17.0, top + 0.12),
            (20.0, top + 0.35),
            (22.0 * stout, top + 0.62),
            (21.0 * stout, 1.2),
        ]);
        Self {
            half_width,
            depth_cm,
        }
    }

    fn at(&self, point: Point) -> f32 {
        let across = point.x / self.half_width.at(point.y);
        self.depth_cm.at(point.y) * (1.0 - across * across).max(0.0).sqrt()
    }
}

/// The heart, the great vessels and the liver; in some patients gas in the stomach, and breasts.
fn bodies(frame: &Frame, chance: &mut Chance) -> Vec<SoftBody> {
    let at = |across: f32, down: f32| frame.point(Side::Left, across, down);
    let width = frame.half_width;
    let body = |centre: Point, half_width: f32, half_height: f32, depth: f32| SoftBody {
        centre,
        half_width: half_width * width,
        half_height: half_height * frame.height,
        lean: 0.0,
        depth,
    };
    let mut bodies = vec![
        SoftBody {
            lean: 0.25,
            ..body(at(0.14, 0.66), 0.55 * frame.heart, 0.31, 6.5)
        },
        body(at(0.03, 0.36), 0.32, 0.42, 4.5),
        body(at(-0.45, 1.12), 1.1, 0.44, 4.0),
        body(at(0.4, 1.2), 1.1, 0.5, 3.0),
    ];
    if chance.happens(0.6) {
        let (half_width, half_height) = (chance.between(0.10, 0.22), chance.between(0.03, 0.07));
        bodies.push(body(
            at(chance.about(0.55, 0.12), 0.97),
            half_width,
            half_height,
            -7.0,
        ));
    }
    if chance.happens(0.35) {
        let (low, depth) = (chance.about(0.84, 0.08), chance.between(2.0, 4.0));
        bodies.extend([-0.62, 0.62].map(|across| body(at(across, low), 0.46, 0.24, depth)));
    }
    bodies
}
