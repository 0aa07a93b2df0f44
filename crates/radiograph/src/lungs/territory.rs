//! Decides which part of a film belongs to which lung, pixels outside of both included.
//!
//! A line goes down between the lungs, halfway between them in each row that has both, and straight on above and below those. What is
//! on one side of it belongs to the lung there, but for the other lung's own pixels.

use super::{Lung, Lungs, Side};
use crate::geometry::Size;
use crate::mask::Mask;

/// The part of the film that belongs to each lung that there is, the right one first. The parts are disjoint and together the whole
/// film; each holds its lung.
#[must_use]
pub fn territories(lungs: &Lungs) -> Vec<Mask> {
    let whole = from_line(lungs.film, &vec![0; lungs.film.rows()]);
    let (Some(right), Some(left)) = (lungs.get(Side::Right), lungs.get(Side::Left)) else {
        return lungs.iter().map(|_| whole.clone()).collect();
    };
    let beyond = from_line(lungs.film, &line(lungs, right, left));
    let of_left = beyond
        .union(&lungs.lung_mask(Side::Left))
        .and_then(|part| part.without(&lungs.lung_mask(Side::Right)));
    let of_left = of_left.expect("masks of lungs are of the film's size");
    let of_right = whole
        .without(&of_left)
        .expect("both are of the film's size");
    vec![of_right, of_left]
}

/// What lies from a line on, given as its first column in each row.
fn from_line(film: Size, line: &[usize]) -> Mask {
    let mut part = Mask::empty(film);
    for (row, &start) in line.iter().enumerate() {
        part.fill(row, start..film.columns());
    }
    part
}

/// The first column of the left lung's side in each row.
fn line(lungs: &Lungs, right: &Lung, left: &Lung) -> Vec<usize> {
    let rows = lungs.film.rows();
    let (mut ends, mut starts) = (vec![None; rows], vec![None; rows]);
    for run in &right.runs {
        let end = &mut ends[run.row as usize];
        *end = (*end).max(Some(run.end));
    }
    for run in &left.runs {
        let start = &mut starts[run.row as usize];
        *start = Some(start.map_or(run.start, |start: u32| start.min(run.start)));
    }
    let between = |(end, start): (&Option<u32>, &Option<u32>)| {
        Some(u32::midpoint((*end)?, (*start)?) as usize)
    };
    let known: Vec<Option<usize>> = ends.iter().zip(&starts).map(between).collect();
    continued(&known).unwrap_or_else(|| {
        // No row has both lungs: a straight line between their middles.
        let middle = |lung: &Lung| lung.bounding_box.0[0] + lung.bounding_box.0[2] / 2;
        vec![u32::midpoint(middle(right), middle(left)) as usize; rows]
    })
}

/// A line that goes straight on where it is not known; `None` where it is known nowhere.
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

    /// A film of 8 columns whose rows are drawn with `#`.
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
    fn the_line_is_halfway_and_goes_straight_on() {
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
    fn each_part_holds_its_lung_and_all_are_the_film() {
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
    fn a_lung_on_its_own_has_the_whole_film() {
        let lungs = film(&["........", "##......", "##......", "........"]);
        let parts = territories(&lungs);
        assert_eq!((parts.len(), parts[0].area_px()), (1, 32));
        assert_eq!(territories(&film(&["........"])), []);
    }
}
