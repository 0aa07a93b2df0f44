//! Finds the 8-connected components of a mask: pixels that touch at a side or at a corner.
//!
//! A mask is read once, as the runs of lung pixels in its rows. A run joins the runs of the row
//! above that it touches. Memory grows with the number of runs, not with the number of pixels.

use crate::mask::Mask;

/// Consecutive lung pixels of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) row: u32,
    pub(super) start: u32,
    /// The column after the last one.
    pub(super) end: u32,
}

impl Run {
    /// Returns the number of pixels.
    pub(super) fn length(self) -> u64 {
        u64::from(self.end - self.start)
    }

    /// Returns whether this run touches a run of the row above, at a side or at a corner.
    fn touches(self, above: Self) -> bool {
        self.start <= above.end && above.start <= self.end
    }
}

/// The area, columns and centroid of a component, or of several components combined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Component {
    pub(super) area_px: u64,
    /// The first column.
    pub(super) start: u32,
    /// The column after the last one.
    pub(super) end: u32,
    sum_x: f64,
    sum_y: f64,
}

impl Component {
    fn of(run: Run) -> Self {
        let area = run.length() as f64;
        Self {
            area_px: run.length(),
            start: run.start,
            end: run.end,
            sum_x: area * (f64::from(run.start) + f64::from(run.end)) / 2.0,
            sum_y: area * (f64::from(run.row) + 0.5),
        }
    }

    /// Combines two components.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            area_px: self.area_px + other.area_px,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
            sum_x: self.sum_x + other.sum_x,
            sum_y: self.sum_y + other.sum_y,
        }
    }

    /// Returns the mean of the pixel centres: x from the left edge of the film and y from its top.
    pub(super) fn centroid(self) -> (f64, f64) {
        let area = self.area_px as f64;
        (self.sum_x / area, self.sum_y / area)
    }
}

/// The runs and the components of a mask.
pub(super) struct Components {
    /// The runs, row by row from the top, and in each row from the left.
    pub(super) runs: Vec<Run>,
    /// For each run, the index of its component.
    pub(super) labels: Vec<usize>,
    pub(super) parts: Vec<Component>,
}

impl Components {
    /// Finds the components of a mask.
    pub(super) fn of(mask: &Mask) -> Self {
        let mut runs = Vec::new();
        let mut joined = Joined::default();
        let mut above = 0..0;
        let column = |index| u32::try_from(index).expect("a film's width has 32 bits");
        for (row, lung) in (0..).zip(mask.rows()) {
            let first = runs.len();
            runs.extend(lung.runs().map(|run| Run {
                row,
                start: column(run.start),
                end: column(run.end),
            }));
            joined.add(runs.len() - first);
            join_rows(&runs, above, &mut joined);
            above = first..runs.len();
        }
        let (labels, parts) = label(&runs, &mut joined);
        Self {
            runs,
            labels,
            parts,
        }
    }
}

/// Joins the runs of the last row, which begin at `above.end`, with the runs `above` that they
/// touch.
fn join_rows(runs: &[Run], mut above: std::ops::Range<usize>, joined: &mut Joined) {
    let mut below = above.end..runs.len();
    while !above.is_empty() && !below.is_empty() {
        let (upper, lower) = (runs[above.start], runs[below.start]);
        if lower.touches(upper) {
            joined.join(above.start, below.start);
        }
        // The run that ends first cannot touch any further run of the other row.
        if upper.end < lower.end {
            above.start += 1;
        } else {
            below.start += 1;
        }
    }
}

/// Numbers the components in the order of their first runs. Returns the label of each run, and the
/// components.
fn label(runs: &[Run], joined: &mut Joined) -> (Vec<usize>, Vec<Component>) {
    let mut components: Vec<Component> = Vec::new();
    let mut labels = Vec::with_capacity(runs.len());
    for (index, &run) in runs.iter().enumerate() {
        let root = joined.root(index);
        // A root is the first run of its component, so the others find its label.
        let number = if root == index {
            components.len()
        } else {
            labels[root]
        };
        match components.get_mut(number) {
            Some(component) => *component = component.and(Component::of(run)),
            None => components.push(Component::of(run)),
        }
        labels.push(number);
    }
    (labels, components)
}

/// The joined runs as a forest (union-find): every run points to an earlier run or, as a root, to
/// itself.
#[derive(Default)]
struct Joined {
    parents: Vec<usize>,
}

impl Joined {
    /// Adds runs that are not joined with any other.
    fn add(&mut self, runs: usize) {
        let first = self.parents.len();
        self.parents.extend(first..first + runs);
    }

    /// Returns the first run of the component of `run`.
    fn root(&mut self, mut run: usize) -> usize {
        while self.parents[run] != run {
            // Halves the path, so that the next search is short.
            self.parents[run] = self.parents[self.parents[run]];
            run = self.parents[run];
        }
        run
    }

    /// Joins the components of two runs.
    fn join(&mut self, first: usize, second: usize) {
        let (first, second) = (self.root(first), self.root(second));
        self.parents[first.max(second)] = first.min(second);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;

    fn components(rows: &[&str]) -> Components {
        let pixels = |length: usize| u32::try_from(length).expect("a test's mask is small");
        let size =
            Size::new(pixels(rows[0].len()), pixels(rows.len())).expect("a test's mask has pixels");
        let lung = rows
            .iter()
            .flat_map(|row| row.chars())
            .map(|pixel| pixel == '#');
        Components::of(&Mask::new(size, lung).expect("the rows of a test's mask are equally long"))
    }

    fn areas(rows: &[&str]) -> Vec<u64> {
        components(rows)
            .parts
            .iter()
            .map(|component| component.area_px)
            .collect()
    }

    #[test]
    fn pixels_are_connected_at_sides_and_corners() {
        assert_eq!(areas(&["#..#", ".#..", "...."]), [2, 1]);
        assert_eq!(areas(&["..#.", "##..", "...#"]), [3, 1]);
        assert_eq!(areas(&["#.#", "...", "#.#"]), [1, 1, 1, 1]);
    }

    #[test]
    fn parts_that_meet_in_a_lower_row_are_one_component() {
        assert_eq!(areas(&["#.#.#", "#.#.#", "#####"]), [11]);
        assert_eq!(
            areas(&["#...#", "#.#.#", "#.#.#", "###.#", "....#"]),
            [8, 5]
        );
        assert_eq!(
            areas(&["######", "#....#", "#.##.#", "#....#", "######"]),
            [18, 2]
        );
    }

    #[test]
    fn runs_carry_the_number_of_their_component() {
        let found = components(&["##.#", "#..#"]);
        let run = |row, start, end| Run { row, start, end };
        assert_eq!(
            found.runs,
            [run(0, 0, 2), run(0, 3, 4), run(1, 0, 1), run(1, 3, 4)]
        );
        assert_eq!(found.labels, [0, 1, 0, 1]);
    }

    #[test]
    fn a_centroid_is_the_mean_of_pixel_centres() {
        let found = components(&["....", ".##.", ".##."]).parts[0];
        assert_eq!((found.start, found.end), (1, 3));
        assert!(
            (found.centroid().0 - 2.0).abs() < 1e-12 && (found.centroid().1 - 2.0).abs() < 1e-12
        );
    }

    #[test]
    fn an_empty_mask_has_no_component() {
        assert!(areas(&["...", "..."]).is_empty());
    }

    proptest! {
        #[test]
        fn flooding_finds_the_same_components(
            pixels in prop::collection::vec(prop::bool::weighted(0.4), 14..200), width in 1_u32..14
        ) {
            let height = u32::try_from(pixels.len()).expect("a test's mask is small") / width;
            let size = Size::new(width, height).expect("there are at least 14 pixels");
            let pixels = pixels[..size.pixels()].to_vec();
            let found = Components::of(&Mask::new(size, pixels.clone()).expect("as many pixels as the size has"));
            let mut areas: Vec<u64> = found.parts.iter().map(|component| component.area_px).collect();
            let mut flooded = flooded_areas(pixels, size.columns());
            areas.sort_unstable();
            flooded.sort_unstable();
            prop_assert_eq!(areas, flooded);
        }
    }

    fn flooded_areas(mut pixels: Vec<bool>, width: usize) -> Vec<u64> {
        let mut areas = Vec::new();
        for start in 0..pixels.len() {
            let mut open = vec![start];
            let mut area = 0;
            while let Some(index) = open.pop() {
                if !std::mem::take(&mut pixels[index]) {
                    continue;
                }
                area += 1;
                let (x, y) = (index % width, index / width);
                for y in y.saturating_sub(1)..(y + 2).min(pixels.len() / width) {
                    open.extend((x.saturating_sub(1)..(x + 2).min(width)).map(|x| y * width + x));
                }
            }
            areas.extend((area > 0).then_some(area));
        }
        areas
    }
}
