//! Assembles a chest, and computes how many centimetres of tissue an X-ray crosses at each of its
//! points.
//!
//! Chest units: x grows from the midline to the right of the film, and y grows downwards from the
//! top of the film. One unit is about the shorter side of the film, 40 cm.

use super::bones;
use super::lung::{LungField, Proportions};
use super::random::RandomStream;
use super::shapes::{HeightProfile, Point, SoftBody, ValueNoise, ease, smooth};
use super::stroke::Stroke;
use super::vessels;
use crate::lungs::Side;

/// A chest, independent of the size of a film.
#[derive(Clone, Debug)]
pub(super) struct Chest {
    pub(super) proportions: Proportions,
    pub(super) lungs: [LungField; 2],
    /// Shoulders and arms: soft tissue beside the trunk.
    pub(super) limbs: Vec<Stroke>,
    /// The bones, which add to the tissue.
    pub(super) bones: Vec<Stroke>,
    /// The vessels, which add to the tissue inside of the lungs.
    pub(super) vessels: [Stroke; 2],
    /// The trachea and the main bronchi, which reduce the tissue.
    pub(super) airways: [Stroke; 1],
    trunk: Trunk,
    bodies: Vec<SoftBody>,
    air_cm: f32,
    noise: [ValueNoise; 3],
}

/// The outer shape of the body without its limbs.
#[derive(Clone, Debug)]
struct Trunk {
    half_width: HeightProfile,
    depth_cm: HeightProfile,
}

impl Chest {
    /// Draws a chest.
    pub(super) fn new(random: &mut RandomStream) -> Self {
        let proportions = Proportions::new(random);
        let lungs = Side::BOTH.map(|side| LungField::new(side, &proportions, random));
        let bones = bones::skeleton(&proportions, &lungs, random);
        let vessels = Side::BOTH.map(|side| vessels::tree(side, &proportions, random));
        Self {
            limbs: bones::limbs(&proportions),
            bones,
            vessels,
            airways: [vessels::airways(&proportions)],
            trunk: Trunk::new(&proportions, random),
            bodies: bodies(&proportions, random),
            air_cm: random.about(14.0, 0.8),
            noise: [5.0, 24.0, 70.0].map(|cells| ValueNoise::new(random, cells)),
            proportions,
            lungs,
        }
    }

    /// Returns the centimetres of soft tissue on the ray through `point`.
    ///
    /// `limb` is the tissue of a shoulder or an arm in centimetres, and `lung` is the share of the
    /// point that is in a lung field, from 0 to 1.
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
        let uneven = 1.0 + 0.05 * self.noise[0].at(point);
        let flesh = body + bodies * (trunk / 4.0).min(1.0);
        (flesh * uneven - air - hidden.min(0.5 * trunk)).max(0.6 * body.min(1.0))
    }

    /// Returns the air of a lung field in centimetres. It decreases towards the wall, where the
    /// chest is round, and towards the apex.
    fn lung_air_cm(&self, point: Point) -> f32 {
        let Proportions { apex, height, .. } = self.proportions;
        let lung = &self.lungs[usize::from(point.x > 0.0)];
        let across = point.x.abs() / lung.wall.at(point.y);
        let down = (point.y - apex) / height;
        let rounded = (1.0 - across * across).max(0.0).sqrt();
        let along = 0.70 + 0.30 * ease(down / 0.3) - 0.06 * ease((down - 0.35) / 0.6);
        let grain = 0.07 * self.noise[1].at(point) + 0.055 * self.noise[2].at(point);
        self.air_cm * along * (0.2 + 0.8 * rounded) * (1.0 + grain)
    }

    /// Returns the air of the lung in front of and behind the heart and the diaphragm, in
    /// centimetres. It does not belong to a lung field.
    fn hidden_air_cm(&self, point: Point) -> f32 {
        let down = (point.y - self.proportions.apex) / self.proportions.height;
        let across = point.x / (0.85 * self.proportions.half_width);
        let spread = 1.0 + across * across * across * across;
        8.0 * ease(down / 0.3) * (1.0 - ease((down - 0.8) / 0.25)) / spread
    }
}

/// Returns the depth of two bodies that overlap partly.
fn merged(one: f32, other: f32) -> f32 {
    let difference = one - other;
    0.5 * (one + other + (difference * difference + 0.35 * one * other).sqrt())
}

impl Trunk {
    /// Draws a trunk.
    fn new(proportions: &Proportions, random: &mut RandomStream) -> Self {
        let girth = random.about(1.17, 0.05) * proportions.half_width;
        let waist = random.about(0.97, 0.07) * girth;
        let neck = random.about(0.105, 0.015);
        let stout = random.about(1.0, 0.1);
        let top = proportions.apex;
        let line = |points: &[(f32, f32)]| -> HeightProfile {
            let points: Vec<Point> = points.iter().map(|&(x, y)| Point::new(x, y)).collect();
            HeightProfile::along(&smooth(&points))
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

    /// Returns the depth of the trunk at a point, in centimetres.
    fn at(&self, point: Point) -> f32 {
        let across = point.x / self.half_width.at(point.y);
        self.depth_cm.at(point.y) * (1.0 - across * across).max(0.0).sqrt()
    }
}

/// Draws the heart, the great vessels and the liver, and in some chests gas in the stomach and
/// breasts.
fn bodies(proportions: &Proportions, random: &mut RandomStream) -> Vec<SoftBody> {
    let at = |across: f32, down: f32| proportions.point(Side::Left, across, down);
    let width = proportions.half_width;
    let body = |centre: Point, half_width: f32, half_height: f32, depth: f32| SoftBody {
        centre,
        half_width: half_width * width,
        half_height: half_height * proportions.height,
        lean: 0.0,
        depth,
    };
    let mut bodies = vec![
        SoftBody {
            lean: 0.25,
            ..body(at(0.14, 0.66), 0.55 * proportions.heart, 0.31, 6.5)
        },
        body(at(0.03, 0.36), 0.32, 0.42, 4.5),
        body(at(-0.45, 1.12), 1.1, 0.44, 4.0),
        body(at(0.4, 1.2), 1.1, 0.5, 3.0),
    ];
    if random.happens(0.6) {
        let (half_width, half_height) = (random.between(0.10, 0.22), random.between(0.03, 0.07));
        bodies.push(body(
            at(random.about(0.55, 0.12), 0.97),
            half_width,
            half_height,
            -7.0,
        ));
    }
    if random.happens(0.35) {
        let (low, depth) = (random.about(0.84, 0.08), random.between(2.0, 4.0));
        bodies.extend([-0.62, 0.62].map(|across| body(at(across, low), 0.46, 0.24, depth)));
    }
    bodies
}
