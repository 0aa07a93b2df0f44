//! Draws the vessels of a lung, which branch from its hilum, and the airways.

use super::lung::{Proportions, sign};
use super::random::RandomStream;
use super::shapes::Point;
use super::stroke::{CrossSection, Knot, Stroke};
use crate::lungs::Side;

/// The number of forks between the hilum and the last branches.
const FORKS: u8 = 5;

/// A branch that is not drawn yet, in chest units.
#[derive(Clone, Copy)]
struct Branch {
    from: Point,
    /// The direction, a vector of length 1.
    towards: Point,
    length: f32,
    radius: f32,
    forks_left: u8,
}

/// Draws the vessels of one lung.
pub(super) fn tree(side: Side, proportions: &Proportions, random: &mut RandomStream) -> Stroke {
    let mut lines = Vec::new();
    // The slopes of the main branches, from top to bottom. Most of them go down.
    for slope in [-2.2, -0.9, -0.2, 0.4, 1.1, 2.0, 4.0] {
        let slope: f32 = random.about(slope, 0.3);
        let down = random.about(0.44, 0.06);
        let branch = Branch {
            from: proportions.point(side, 0.2, down),
            towards: direction(sign(side), slope),
            length: random.about(0.10, 0.02),
            radius: random.about(0.0105, 0.002),
            forks_left: FORKS,
        };
        grow(branch, random, &mut lines);
    }
    Stroke {
        lines,
        section: CrossSection::Tube,
    }
}

/// Scales a vector to length 1.
fn direction(x: f32, y: f32) -> Point {
    let length = (x * x + y * y).sqrt().max(1e-6);
    Point::new(x / length, y / length)
}

/// Draws a curved branch, and then two thinner branches from its end.
fn grow(branch: Branch, random: &mut RandomStream, lines: &mut Vec<Vec<Knot>>) {
    let Branch {
        from,
        towards,
        length,
        radius,
        forks_left,
    } = branch;
    let bend = random.about(0.0, 0.5) * length;
    let along = |part: f32| {
        let (ahead, aside) = (part * length, part * (1.0 - part) * bend);
        Point::new(
            from.x + towards.x * ahead - towards.y * aside,
            from.y + towards.y * ahead + towards.x * aside,
        )
    };
    // A vessel is as deep as it is wide. One unit of the radius is 80 cm of depth, and blood is
    // denser than flesh in this model.
    let knot = |part: f32| {
        let radius = radius * (1.0 - 0.25 * part);
        Knot {
            at: along(part),
            radius,
            depth: 170.0 * radius,
        }
    };
    lines.push([0.0, 0.25, 0.5, 0.75, 1.0].map(knot).to_vec());
    if forks_left == 0 {
        return;
    }
    for turn in [random.about(-0.38, 0.25), random.about(0.38, 0.25)] {
        let towards = direction(towards.x - turn * towards.y, towards.y + turn * towards.x);
        let (length, radius) = (
            length * random.about(0.78, 0.12),
            0.75 * radius * random.about(0.85, 0.15),
        );
        grow(
            Branch {
                from: along(1.0),
                towards,
                length,
                radius,
                forks_left: forks_left - 1,
            },
            random,
            lines,
        );
    }
}

/// Draws the trachea and the two main bronchi.
pub(super) fn airways(proportions: &Proportions) -> Stroke {
    let fork = Point::new(-0.006, proportions.down(0.33));
    let knot = |at, radius, depth| Knot { at, radius, depth };
    let bronchus = |side: Side, across, down| {
        vec![
            knot(fork, 0.016, 1.6),
            knot(proportions.point(side, across, down), 0.013, 1.6),
        ]
    };
    let trachea = vec![
        knot(Point::new(0.0, proportions.apex - 0.2), 0.023, 4.5),
        knot(fork, 0.019, 1.6),
    ];
    let lines = vec![
        trachea,
        bronchus(Side::Right, 0.19, 0.41),
        bronchus(Side::Left, 0.23, 0.43),
    ];
    Stroke {
        lines,
        section: CrossSection::Tube,
    }
}
