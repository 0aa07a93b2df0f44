//! Divides a film into one territory for each lung, including the pixels outside of both lungs.
//!
//! A line runs from the top of the film to its bottom, between the lungs. In each row that has both
//! lungs it is halfway between them. In the other rows it continues straight. Each side of the line
//! belongs to the lung on that side, except for pixels of the other lung.

use super::lung::{BoundingBox, Lung, Lungs, Side};
use crate::geometry::Size;
use crate::mask::Mask;

/// Returns the part of the film that belongs to each lung, the right one first.
///
/// The parts are disjoint, and their union is the whole film. Each part contains its lung. A single
/// lung has the whole film, and without a lung there is no part.
#[must_use]
pub fn territories(lungs: &Lungs) -> Vec<Mask> {
    let whole = from_line(lungs.film(), &vec![0; lungs.film().rows()]);
    let (Some(right), Some(left)) = (lungs.get(Side::Right), lungs.get(Side::Left)) else {
        return lungs.iter().map(|_| whole.clone()).collect();
    };
    let beyond = from_line(lungs.film(), &line(lungs, right, left));
    let of_left = beyond
        .union(&lungs.lung_mask(Side::Left))
        .and_then(|part| part.without(&lungs.lung_mask(Side::Right)));
    let of_left = of_left.expect("masks of lungs are of the film's size");
    let of_right = whole
        .without(&of_left)
        .expect("both are of the film's size");
    vec![of_right, of_left]
}

/// Returns the mask of the pixels at or to the right of a line, which is given as a column for each
/// row.
fn from_line(film: Size, line: &[usize]) -> Mask {
    let mut part = Mask::empty(film);
    for (row, &start) in line.iter().enumerate() {
        part.fill(row, start..film.columns());
    }
    part
}

/// Returns the first column on the side of the left lung, for each row.
fn line(lungs: &Lungs, right: &Lung, left: &Lung) -> Vec<usize> {
    let rows = lungs.film().rows();
    let (mut ends, mut starts) = (vec![None; rows], vec![None; rows]);
    for run in right.runs() {
        let end = &mut ends[run.row as usize];
        *end = (*end).max(Some(run.end));
    }
    for run in left.runs() {
        let start = &mut starts[run.row as usize];
        *start = Some(start.map_or(run.start, |start: u32| start.min(run.start)));
    }
    let halfway = ends
        .into_iter()
        .zip(starts)
        .map(|(end, start)| Some(u32::midpoint(end?, start?) as usize));
    continued(&halfway.collect::<Vec<_>>()).unwrap_or_else(|| {
        // No row has both lungs: a straight line halfway between their middles.
        let middle = |lung: &Lung| {
            let BoundingBox([x, _, width, _]) = lung.bounding_box();
            x + width / 2
        };
        vec![u32::midpoint(middle(right), middle(left)) as usize; rows]
    })
}

/// Continues a line straight through the rows in which it is not known. Returns `None` if it is not
/// known in any row.
fn continued(known: &[Option<usize>]) -> Option<Vec<usize>> {
    let mut last = known.iter().copied().flatten().next()?;
    let carry = |column: &Option<usize>| {
        last = column.unwrap_or(last);
        last
    };
    Some(known.iter().map(carry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds the lungs of a film of 8 columns, whose lung pixels are drawn as `#`.
    fn film(rows: &[&str]) -> Lungs {
        let size = Size::new(8, u32::try_from(rows.len()).unwrap()).unwrap();
        Lungs::of(&Mask::new(size, rows.concat().bytes().map(|byte| byte == b'#')).unwrap())
    }

    fn drawn(mask: &Mask) -> Vec<String> {
        mask.rows()
            .map(|row| {
                row.pixels()
                    .map(|lung| if lung { '#' } else { '.' })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn the_line_is_halfway_between_the_lungs_and_continues_straight() {
        let lungs = film(&["........", "##....##", "##..####", "........"]);
        let parts = territories(&lungs);
        assert_eq!(
            drawn(&parts[0]),
            ["####....", "####....", "###.....", "###....."]
        );
        assert_eq!(
            drawn(&parts[1]),
            ["....####", "....####", "...#####", "...#####"]
        );
    }

    #[test]
    fn each_part_contains_its_lung_and_all_parts_make_the_film() {
        for rows in [
            ["##....##", "##....##", "##....##", "........"],
            ["##......", "##......", "......##", "......##"],
            ["###.....", "##...###", "##.....#", ".#.....#"],
        ] {
            let lungs = film(&rows);
            let parts = territories(&lungs);
            assert_eq!(parts.iter().map(Mask::area_px).sum::<u64>(), 32);
            for (part, lung) in parts.iter().zip(lungs.iter()) {
                let own = lungs.lung_mask(lung.side());
                assert_eq!(part.shared_px(&own), Some(own.area_px()));
            }
        }
    }

    #[test]
    fn a_single_lung_has_the_whole_film() {
        let lungs = film(&["........", "##......", "##......", "........"]);
        let parts = territories(&lungs);
        assert_eq!((parts.len(), parts[0].area_px()), (1, 32));
        assert_eq!(territories(&film(&["........"])), []);
    }
}
