//! Computes the directed distances from the border of one mask to the border of another.

use super::envelope::{Envelope, Parabola};
use crate::mask::Mask;

/// The distances between neighbouring rows and between neighbouring columns.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) row: f64,
    pub(super) column: f64,
}

/// The border pixels of a mask, row by row, in the order of their columns.
pub(super) struct Border {
    columns: usize,
    rows: Vec<Vec<BorderPixel>>,
}

/// A border pixel of a mask.
#[derive(Clone, Copy)]
struct BorderPixel {
    column: usize,
    /// The row of the next border pixel below this one, in the same column. Infinite if there is
    /// none.
    next_row: f64,
}

impl Border {
    /// Finds the border of a mask.
    pub(super) fn of(mask: &Mask) -> Self {
        let columns = mask.size().columns();
        let border = mask.border();
        Self {
            columns,
            rows: linked(
                border
                    .rows()
                    .map(|row| row.runs().flatten().collect())
                    .collect(),
                columns,
            ),
        }
    }

    /// Returns whether there is no border pixel.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.iter().all(Vec::is_empty)
    }

    /// Returns the row of the first border pixel of each column. Infinite if there is none.
    fn first_rows(&self) -> Vec<f64> {
        let mut first = vec![f64::INFINITY; self.columns];
        for (y, row) in self.rows.iter().enumerate().rev() {
            for pixel in row {
                first[pixel.column] = y as f64;
            }
        }
        first
    }
}

/// Links every border pixel with the next one in the same column.
fn linked(rows: Vec<Vec<usize>>, columns: usize) -> Vec<Vec<BorderPixel>> {
    let mut next = vec![f64::INFINITY; columns];
    let mut linked: Vec<Vec<BorderPixel>> = Vec::with_capacity(rows.len());
    for (y, row) in rows.into_iter().enumerate().rev() {
        let link = |column: usize| BorderPixel {
            column,
            next_row: std::mem::replace(&mut next[column], y as f64),
        };
        linked.push(row.into_iter().map(link).collect());
    }
    linked.reverse();
    linked
}

/// Returns the distance from each pixel of `from` to the nearest pixel of `to`. `to` may be empty
/// only if `from` is.
pub(super) fn directed(from: &Border, to: &Border, steps: Steps) -> Vec<f64> {
    let (mut above, mut below) = (vec![f64::NEG_INFINITY; to.columns], to.first_rows());
    let mut envelope = Envelope::default();
    let mut distances = Vec::new();
    for (y, (sources, border)) in from.rows.iter().zip(&to.rows).enumerate() {
        let row = y as f64;
        for pixel in border {
            above[pixel.column] = row;
            below[pixel.column] = pixel.next_row;
        }
        if sources.is_empty() {
            continue;
        }
        envelope.clear();
        for (x, (above, below)) in above.iter().zip(&below).enumerate() {
            let height = ((row - above).min(below - row) * steps.row).powi(2);
            envelope.add(Parabola {
                vertex: x as f64 * steps.column,
                height,
            });
        }
        let positions = sources
            .iter()
            .map(|pixel| pixel.column as f64 * steps.column);
        distances.extend(envelope.heights(positions).map(f64::sqrt));
    }
    distances
}
