//! Paints long, thin shapes (ribs, vessels, arms and letters) onto a row of pixels.

use std::ops::Range;

use super::shapes::{Placement, Point, floor};

/// A point on the middle line of a stroke.
#[derive(Clone, Copy, Debug)]
pub(super) struct Knot {
    pub(super) at: Point,
    /// Half the width of the stroke, in the units of `at`.
    pub(super) radius: f32,
    /// The depth of the stroke on its middle line, in centimetres of tissue. For letters it is a
    /// brightness.
    pub(super) depth: f32,
}

/// The change of a stroke's depth from its middle line to its border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CrossSection {
    /// A solid cylinder, for vessels and arms.
    Tube,
    /// A pipe with a dense wall, for bones.
    Bone,
    /// A constant depth, for lead letters.
    Flat,
}

impl CrossSection {
    /// Returns the depth relative to the middle line. `square` is the squared distance to the
    /// middle line, in squared radii.
    fn at(self, square: f32) -> f32 {
        match self {
            Self::Tube => (1.0 - square).sqrt(),
            Self::Bone => (0.7 + square * square) * ((1.0 - square) * 4.0).min(1.0),
            Self::Flat => 1.0,
        }
    }
}

/// Lines of knots with one cross-section. Where lines meet or cross, their depths are not added.
#[derive(Clone, Debug)]
pub(super) struct Stroke {
    pub(super) lines: Vec<Vec<Knot>>,
    pub(super) section: CrossSection,
}

/// The depth that strokes have at a pixel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ink {
    pub(super) depth: f32,
    /// The rank of the line that is visible. If several lines cover the pixel, the highest rank
    /// wins.
    rank: f32,
}

/// A stroke in pixels of a film, which can be painted row by row.
#[derive(Clone, Debug)]
pub(super) struct PlacedStroke {
    pieces: Vec<Piece>,
    section: CrossSection,
}

/// The straight part of a stroke between two knots.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: Knot,
    end: Knot,
    inverse_square_length: f32,
}

/// The smallest radius of a line. A thinner line would be lost between pixel centres.
const THINNEST_PX: f32 = 0.75;

impl Stroke {
    /// Converts the stroke from chest units to pixels.
    pub(super) fn placed(&self, placement: Placement) -> PlacedStroke {
        let place =
            |pair: &[Knot]| Piece::new(pair[0].placed(placement), pair[1].placed(placement));
        let pieces = self
            .lines
            .iter()
            .flat_map(|line| line.windows(2).map(place))
            .collect();
        PlacedStroke {
            pieces,
            section: self.section,
        }
    }
}

impl Knot {
    /// Converts the knot to pixels. A line that is too thin for the pixel grid becomes wider and,
    /// in proportion, fainter.
    fn placed(&self, placement: Placement) -> Self {
        let wanted = self.radius * placement.scale();
        let radius = wanted.max(THINNEST_PX);
        Self {
            at: placement.to_film(self.at),
            radius,
            depth: self.depth * wanted / radius,
        }
    }
}

impl PlacedStroke {
    /// Paints the stroke onto the row of pixel centres at height `y`, and returns the columns that
    /// it may have changed.
    pub(super) fn paint(&self, y: f32, row: &mut [Ink]) -> Range<usize> {
        let mut changed = row.len()..0;
        for piece in &self.pieces {
            let Some(columns) = piece.columns(y, row.len()) else {
                continue;
            };
            for (x, ink) in columns.clone().zip(&mut row[columns.clone()]) {
                let new = piece.ink(Point::new(x as f32 + 0.5, y), self.section);
                if new.rank > ink.rank {
                    *ink = new;
                }
            }
            changed = changed.start.min(columns.start)..changed.end.max(columns.end);
        }
        changed.start.min(changed.end)..changed.end
    }
}

impl Piece {
    /// Creates the piece between two knots.
    fn new(start: Knot, end: Knot) -> Self {
        let (x, y) = (end.at.x - start.at.x, end.at.y - start.at.y);
        Self {
            start,
            end,
            inverse_square_length: 1.0 / (x * x + y * y).max(1e-6),
        }
    }

    /// Returns the columns that the piece can cover on the row at height `y`, or `None` if there
    /// are none.
    fn columns(&self, y: f32, width: usize) -> Option<Range<usize>> {
        let Self { start, end, .. } = self;
        let radius = start.radius.max(end.radius);
        if y < start.at.y.min(end.at.y) - radius || y > start.at.y.max(end.at.y) + radius {
            return None;
        }
        let from = floor(start.at.x.min(end.at.x) - radius).min(width);
        let to = floor(start.at.x.max(end.at.x) + radius + 1.0).min(width);
        (from < to).then_some(from..to)
    }

    /// Returns the depth of the piece at a point.
    fn ink(&self, point: Point, section: CrossSection) -> Ink {
        let Self {
            start,
            end,
            inverse_square_length,
        } = self;
        let (along_x, along_y) = (end.at.x - start.at.x, end.at.y - start.at.y);
        let (x, y) = (point.x - start.at.x, point.y - start.at.y);
        let t = ((x * along_x + y * along_y) * inverse_square_length).clamp(0.0, 1.0);
        let (x, y) = (x - t * along_x, y - t * along_y);
        let radius = start.radius + (end.radius - start.radius) * t;
        let square = (x * x + y * y) / (radius * radius);
        if square >= 1.0 {
            return Ink::default();
        }
        let depth = (start.depth + (end.depth - start.depth) * t) * section.at(square);
        // The wall of a bone is denser than its middle. If the densest piece were visible instead
        // of the nearest one, walls would appear at every joint.
        let rank = if section == CrossSection::Bone {
            1.0 - square
        } else {
            depth
        };
        Ink { depth, rank }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Placement = Placement {
        origin: Point { x: 0.0, y: 0.0 },
        right: Point { x: 1.0, y: 0.0 },
    };

    fn horizontal(radius: f32) -> PlacedStroke {
        let knot = |x| Knot {
            at: Point::new(x, 5.5),
            radius,
            depth: 2.0,
        };
        Stroke {
            lines: vec![vec![knot(3.5), knot(6.5)]],
            section: CrossSection::Tube,
        }
        .placed(IDENTITY)
    }

    #[test]
    fn a_stroke_is_deepest_on_its_middle_line_and_ends_at_its_radius() {
        let mut row = [Ink::default(); 12];
        assert_eq!(horizontal(2.0).paint(5.5, &mut row), 1..9);
        assert!((row[5].depth - 2.0).abs() < 1e-6);
        assert!((row[2].depth - 3.0_f32.sqrt()).abs() < 1e-6);
        assert_eq!((row[0].depth.to_bits(), row[10].depth.to_bits()), (0, 0));
    }

    #[test]
    fn a_row_beyond_the_radius_stays_as_it_was() {
        let mut row = [Ink::default(); 12];
        assert!(horizontal(2.0).paint(8.0, &mut row).is_empty());
        assert!(row.iter().all(|ink| ink.depth.to_bits() == 0));
    }

    #[test]
    fn a_line_thinner_than_a_pixel_is_faint_but_there() {
        let mut row = [Ink::default(); 12];
        horizontal(0.075).paint(5.5, &mut row);
        assert!((row[5].depth - 0.2).abs() < 1e-6);
    }

    #[test]
    fn a_stroke_may_leave_the_row_on_both_sides() {
        let mut row = [Ink::default(); 3];
        horizontal(20.0).paint(5.5, &mut row);
        assert!(row.iter().all(|ink| ink.depth > 1.5));
    }
}
