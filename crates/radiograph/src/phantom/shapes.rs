//! Computes smooth outlines, profiles by height, soft bodies and noise.
//!
//! The whole phantom uses only `+ - * /` and the square root. IEEE 754 defines their results
//! exactly, while sines and exponentials differ between the math libraries of machines.

use super::random::RandomStream;

/// A point in chest units or in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

impl Point {
    /// Creates a point.
    pub(super) fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }
}

/// The number of straight pieces between two neighbouring points of a smooth curve.
const PIECES: u8 = 12;

/// Returns the Catmull-Rom curve through all points, as a line of short straight pieces.
pub(super) fn smooth(points: &[Point]) -> Vec<Point> {
    let Some((&first, &last)) = points.first().zip(points.last()) else {
        return Vec::new();
    };
    let padded: Vec<Point> = std::iter::once(first)
        .chain(points.iter().copied())
        .chain(std::iter::once(last))
        .collect();
    let spans = padded.windows(4).flat_map(|span| {
        (0..PIECES).map(move |piece| catmull_rom(span, f32::from(piece) / f32::from(PIECES)))
    });
    spans.chain(std::iter::once(last)).collect()
}

/// Returns the point of the Catmull-Rom curve at `t`, from 0 to 1, between the middle two of four
/// points.
fn catmull_rom(span: &[Point], t: f32) -> Point {
    let blend = |a: f32, b: f32, c: f32, d: f32| {
        let square = 2.0 * a - 5.0 * b + 4.0 * c - d;
        let cube = 3.0 * (b - c) + d - a;
        b + 0.5 * t * ((c - a) + t * (square + t * cube))
    };
    Point::new(
        blend(span[0].x, span[1].x, span[2].x, span[3].x),
        blend(span[0].y, span[1].y, span[2].y, span[3].y),
    )
}

/// The position of the chest on the film: a rotation, a scale and a shift.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    /// The pixel position of the chest's origin.
    pub(super) origin: Point,
    /// The vector on the film, in pixels, of one chest unit to the right.
    pub(super) right: Point,
}

impl Placement {
    /// Converts chest units to pixels.
    pub(super) fn to_film(self, chest: Point) -> Point {
        let Self { origin, right } = self;
        Point::new(
            origin.x + chest.x * right.x - chest.y * right.y,
            origin.y + chest.x * right.y + chest.y * right.x,
        )
    }

    /// Converts pixels to chest units.
    pub(super) fn to_chest(self, film: Point) -> Point {
        let Self { origin, right } = self;
        let (x, y) = (film.x - origin.x, film.y - origin.y);
        let square = right.x * right.x + right.y * right.y;
        Point::new(
            (x * right.x + y * right.y) / square,
            (y * right.x - x * right.y) / square,
        )
    }

    /// Returns the number of pixels in one chest unit.
    pub(super) fn scale(self) -> f32 {
        (self.right.x * self.right.x + self.right.y * self.right.y).sqrt()
    }
}

/// A closed outline.
#[derive(Clone, Debug)]
pub(super) struct Outline(pub(super) Vec<Point>);

impl Outline {
    /// Converts the outline from chest units to pixels.
    pub(super) fn placed(&self, placement: Placement) -> Self {
        Self(
            self.0
                .iter()
                .map(|&point| placement.to_film(point))
                .collect(),
        )
    }

    /// Returns the positions at which the horizontal line at `y` enters and leaves the outline, in
    /// pairs from left to right.
    pub(super) fn spans(&self, y: f32) -> Vec<(f32, f32)> {
        let next = self.0.iter().cycle().skip(1);
        let edges = self
            .0
            .iter()
            .zip(next)
            .filter(|(a, b)| (a.y <= y) != (b.y <= y));
        let mut crossings: Vec<f32> = edges
            .map(|(a, b)| a.x + (b.x - a.x) * ((y - a.y) / (b.y - a.y)))
            .collect();
        crossings.sort_by(f32::total_cmp);
        crossings
            .chunks_exact(2)
            .map(|pair| (pair[0], pair[1]))
            .collect()
    }
}

/// A quantity that changes with height. It is stored as a table between two heights, and constant
/// beyond them.
#[derive(Clone, Debug)]
pub(super) struct HeightProfile {
    values: Vec<f32>,
}

impl HeightProfile {
    const TOP: f32 = -0.5;
    const BOTTOM: f32 = 1.5;
    const STEPS: u16 = 400;

    /// Creates the profile of `x` along a line whose `y` increases from point to point.
    pub(super) fn along(line: &[Point]) -> Self {
        let step = (Self::BOTTOM - Self::TOP) / f32::from(Self::STEPS);
        let heights = (0..=Self::STEPS).map(|index| Self::TOP + f32::from(index) * step);
        Self {
            values: heights.map(|height| interpolate(line, height)).collect(),
        }
    }

    /// Returns the quantity at a height.
    pub(super) fn at(&self, y: f32) -> f32 {
        let last = f32::from(Self::STEPS);
        let position = (y - Self::TOP) / (Self::BOTTOM - Self::TOP) * last;
        let position = position.clamp(0.0, last - 0.001);
        let index = floor(position);
        let (above, below) = (self.values[index], self.values[index + 1]);
        above + (below - above) * (position - index as f32)
    }
}

/// Interpolates `x` along a line at the height `y`.
fn interpolate(line: &[Point], y: f32) -> f32 {
    let after = line.partition_point(|point| point.y <= y);
    match (
        after.checked_sub(1).and_then(|before| line.get(before)),
        line.get(after),
    ) {
        (Some(a), Some(b)) => a.x + (b.x - a.x) * ((y - a.y) / (b.y - a.y)),
        (Some(only), None) | (None, Some(only)) => only.x,
        (None, None) => 0.0,
    }
}

/// A soft body seen from the front. It is deepest in the middle, and has no hard edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoftBody {
    pub(super) centre: Point,
    pub(super) half_width: f32,
    pub(super) half_height: f32,
    /// The slope `x/y` of its long axis.
    pub(super) lean: f32,
    /// The depth at its centre, in centimetres of tissue. It is negative for gas.
    pub(super) depth: f32,
}

impl SoftBody {
    /// Returns the depth at a point, in centimetres of tissue.
    pub(super) fn at(&self, point: Point) -> f32 {
        let y = point.y - self.centre.y;
        let x = (point.x - self.centre.x - self.lean * y) / self.half_width;
        let y = y / self.half_height;
        self.depth * (1.0 - x * x - y * y).max(0.0)
    }
}

/// Smooth noise from −1 to 1, which repeats every `side` cells (value noise).
#[derive(Clone, Debug)]
pub(super) struct ValueNoise {
    side: usize,
    cells_per_unit: f32,
    knots: Vec<f32>,
}

impl ValueNoise {
    /// Draws noise with a number of cells per chest unit.
    pub(super) fn new(random: &mut RandomStream, cells_per_unit: f32) -> Self {
        let side = floor(cells_per_unit) + 2;
        let knots = (0..side * side)
            .map(|_| random.between(-1.0, 1.0))
            .collect();
        Self {
            side,
            cells_per_unit,
            knots,
        }
    }

    /// Returns the noise at a point.
    pub(super) fn at(&self, point: Point) -> f32 {
        // The offset keeps coordinates positive unless a film is fifty times as long as wide.
        let (x, y) = (
            (point.x + 50.0) * self.cells_per_unit,
            (point.y + 50.0) * self.cells_per_unit,
        );
        let (column, row) = (floor(x), floor(y));
        let (x, y) = (ease(x - column as f32), ease(y - row as f32));
        let knot = |row: usize, column: usize| {
            self.knots[row % self.side * self.side + column % self.side]
        };
        let above = knot(row, column) * (1.0 - x) + knot(row, column + 1) * x;
        let below = knot(row + 1, column) * (1.0 - x) + knot(row + 1, column + 1) * x;
        above * (1.0 - y) + below * y
    }
}

/// Returns a smooth step: 0 below 0, 1 above 1, and a smooth rise between them.
pub(super) fn ease(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Rounds down to a whole number. The result for negative values is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates as intended"
)]
pub(super) fn floor(value: f32) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smooth_curve_passes_through_its_points() {
        let points = [
            Point::new(0.0, 0.0),
            Point::new(1.0, 2.0),
            Point::new(3.0, 1.0),
        ];
        let curve = smooth(&points);
        assert!(points.iter().all(|point| curve.contains(point)));
        assert!(smooth(&[]).is_empty());
    }

    #[test]
    fn a_placement_inverts_itself() {
        let placement = Placement {
            origin: Point::new(10.0, 20.0),
            right: Point::new(99.0, 7.0),
        };
        let there_and_back = placement.to_chest(placement.to_film(Point::new(0.3, 0.7)));
        assert!((there_and_back.x - 0.3).abs() < 1e-5 && (there_and_back.y - 0.7).abs() < 1e-5);
    }

    #[test]
    fn an_outline_is_entered_and_left() {
        let square = [(1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0)];
        let square = Outline(square.map(|(x, y)| Point::new(x, y)).to_vec());
        assert_eq!(square.spans(2.0), [(1.0, 3.0)]);
        assert_eq!(square.spans(4.0), []);
    }

    #[test]
    fn a_course_follows_its_line_and_is_constant_beyond() {
        let course = HeightProfile::along(&[Point::new(1.0, 0.0), Point::new(3.0, 1.0)]);
        for (height, value) in [(-9.0, 1.0), (0.5, 2.0), (1.2, 3.0), (9.0, 3.0)] {
            assert!((course.at(height) - value).abs() < 1e-3, "{height}");
        }
    }

    #[test]
    fn unevenness_is_continuous_and_bounded() {
        let noise = ValueNoise::new(&mut RandomStream::new(1, 0), 7.5);
        let values: Vec<f32> = (0..4000_u16)
            .map(|x| noise.at(Point::new(f32::from(x) / 1000.0 - 2.0, 0.3)))
            .collect();
        assert!(values.iter().all(|value| value.abs() <= 1.0));
        assert!(
            values
                .windows(2)
                .all(|pair| (pair[0] - pair[1]).abs() < 0.05)
        );
    }
}
