//! Decides how the vessels of a lung branch out of its hilum, and where the airways run.

use super::chance::Chance;
use super::lung::{Frame, Side};
use super::shapes::Point;
use super::stroke::{CrossSection, Knot, Stroke};

/// Forks between the hilum and the last twig.
const FORKS: u8 = 5;

/// A branch about to grow, in chest units.
#[derive(Clone, Copy)]
struct Branch {
    from: Point,
    /// Its direction, of length 1.
    towards: Point,
    length: f32,
    radius: f32,
    forks_left: u8,
}

/// The vessels of one lung.
pub(super) fn tree(side: Side, frame: &Frame, chance: &mut Chance) -> Stroke {
    let mut lines = Vec::new();
    // Slopes of the main branches, top to bottom: most of them go down.
    for slope in [-2.2, -0.9, -0.2, 0.4, 1.1, 2.0, 4.0] {
        let slope: f32 = chance.about(slope, 0.3);
        let down = chance.about(0.44, 0.06);
        let branch = Branch {
            from: frame.point(side, 0.2, down),
            towards: direction(side.sign(), slope),
            length: chance.about(0.10, 0.02),
            radius: chance.about(0.0105, 0.002),
            forks_left: FORKS,
        };
        grow(branch, chance, &mut lines);
    }
    Stroke {
        lines,
        section: CrossSection::Tube,
    }
}

fn direction(x: f32, y: f32) -> Point {
    let length = (x * x + y * y).sqrt().max(1e-6);
    Point::new(x / length, y / length)
}

/// A bent twig, then two thinner ones out of its end.
fn grow(branch: Branch, chance: &mut Chance, lines: &mut Vec<Vec<Knot>>) {
    let Branch {
        from,
        towards,
        length,
        radius,
        forks_left,
    } = branch;
    let bend = chance.about(0.0, 0.5) * length;
    let along = |part: f32| {
        let (ahead, aside) = (part * length, part * (1.0 - part) * bend);
        Point::new(
            from.x + towards.x * ahead - towards.y * aside,
            from.y + towards.y * ahead + towards.x * aside,
        )
    };
    // A vessel is as deep as it is wide, 80 cm to each unit of its radius, and blood outweighs the flesh in this model.
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
    for turn in [chance.about(-0.38, 0.25), chance.about(0.38, 0.25)] {
        let towards = direction(towards.x - turn * towards.y, towards.y + turn * towards.x);
        let (length, radius) = (
            length * chance.about(0.78, 0.12),
            0.75 * radius * chance.about(0.85, 0.15),
        );
        grow(
            Branch {
                from: along(1.0),
                towards,
                length,
                radius,
                forks_left: forks_left - 1,
            },
            chance,
            lines,
        );
    }
}

/// The trachea and the two main bronchi.
pub(super) fn airways(frame: &Frame) -> Stroke {
    let fork = Point::new(-0.006, frame.down(0.33));
    let knot = |at, radius, depth| Knot { at, radius, depth };
    let bronchus = |side: Side, across, down| {
        vec![
            knot(fork, 0.016, 1.6),
            knot(frame.point(side, across, down), 0.013, 1.6),
        ]
    };
    let trachea = vec![
        knot(Point::new(0.0, frame.apex - 0.2), 0.023, 4.5),
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
