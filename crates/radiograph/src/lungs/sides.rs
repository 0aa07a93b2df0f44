//! Separates the runs of a mask into those of the right lung and those of the left lung.
//!
//! The documentation of the parent module describes the steps.

use super::components::{Component, Components, Run};
use crate::geometry::Size;
use crate::mask::Mask;

const SIGNIFICANT_SHARE: f64 = 0.08;
const SHARED_COLUMNS: f64 = 0.5;
const VALLEY_DEPTH: f64 = 0.6;
const MERGED_ASPECT: f64 = 0.7;

/// The runs of the right lung and of the left lung.
pub(super) struct Separation {
    pub(super) right: Vec<Run>,
    pub(super) left: Vec<Run>,
    /// Whether the lungs touch, so that a component was cut.
    pub(super) touch: bool,
}

/// Separates a mask into its lungs.
pub(super) fn separate(mask: &Mask) -> Separation {
    let found = Components::of(mask);
    let is_significant = significance(&found.parts);
    let significant = found.parts.iter().copied().filter(&is_significant);
    if let Some(groups) = two_groups(significant.collect()) {
        return by_component(&found, &groups);
    }
    let labelled = found.runs.iter().zip(&found.labels);
    let significant = labelled.filter(|&(_, &label)| is_significant(&found.parts[label]));
    let column = valley(&significant.map(|(&run, _)| run).collect::<Vec<_>>());
    let touch = column.is_some();
    let column = column.unwrap_or_else(|| one_side(&found.parts, mask.size()));
    let (right, left) = cut(&found.runs, column);
    Separation { right, left, touch }
}

/// Returns a test of whether a component is large enough to count.
fn significance(components: &[Component]) -> impl Fn(&Component) -> bool + use<> {
    let largest = components
        .iter()
        .map(|component| component.area_px)
        .max()
        .unwrap_or(0);
    move |component| component.area_px as f64 >= SIGNIFICANT_SHARE * largest as f64
}

/// The components of the right lung and of the left lung, each group combined into one.
struct Groups {
    right: Component,
    left: Component,
}

/// Divides components into those of the right lung and those of the left lung. Returns `None` if
/// the two groups are not side by side.
fn two_groups(mut components: Vec<Component>) -> Option<Groups> {
    components.sort_by(|one, other| one.centroid().0.total_cmp(&other.centroid().0));
    let gap = |at: usize| components[at].centroid().0 - components[at - 1].centroid().0;
    let widest = (1..components.len()).max_by(|&one, &other| gap(one).total_cmp(&gap(other)))?;
    let (right, left) = components.split_at(widest);
    let combined = |group: &[Component]| group.iter().copied().reduce(Component::and);
    let (right, left) = (combined(right)?, combined(left)?);
    let shared = right
        .end
        .min(left.end)
        .saturating_sub(right.start.max(left.start));
    let narrower = (right.end - right.start).min(left.end - left.start);
    let apart = f64::from(shared) <= SHARED_COLUMNS * f64::from(narrower);
    apart.then_some(Groups { right, left })
}

/// Assigns every component to the group whose centroid is nearer.
fn by_component(found: &Components, groups: &Groups) -> Separation {
    let (right, left) = (groups.right.centroid(), groups.left.centroid());
    let is_right: Vec<bool> = found
        .parts
        .iter()
        .map(|component| {
            let (x, y) = component.centroid();
            (x - right.0).hypot(y - right.1) <= (x - left.0).hypot(y - left.1)
        })
        .collect();
    let labelled = found.runs.iter().zip(&found.labels);
    let (right, left): (Vec<_>, Vec<_>) = labelled.partition(|&(_, &label)| is_right[label]);
    let runs = |labelled: Vec<(&Run, &usize)>| labelled.into_iter().map(|(&run, _)| run).collect();
    Separation {
        right: runs(right),
        left: runs(left),
        touch: false,
    }
}

/// Finds the column at which two merged lungs are cut: the first column of the left lung. Returns
/// `None` if the runs belong to a single lung.
fn valley(runs: &[Run]) -> Option<u32> {
    let (top, bottom) = (runs.first()?.row, runs.last()?.row);
    let start = runs.iter().map(|run| run.start).min()?;
    let profile = profile(runs, start);
    let width = profile.len();
    let middle = width / 3..width - width / 3;
    // Of equally deep columns, the one nearest to the middle.
    let lowest =
        middle.min_by_key(|&column| (profile[column], (2 * column + 1).abs_diff(width)))?;
    let shoulders = [&profile[..lowest], &profile[lowest + 1..]];
    let [first, second] = shoulders.map(|shoulder| shoulder.iter().copied().max().unwrap_or(0));
    let is_deep = (profile[lowest] as f64) < VALLEY_DEPTH * first.min(second) as f64;
    let is_wide = width as f64 >= MERGED_ASPECT * f64::from(bottom - top + 1);
    (is_deep && is_wide).then(|| start + u32::try_from(lowest).expect("a film's width has 32 bits"))
}

/// Counts the pixels of the runs in each column, from their first column, `start`, to their last.
fn profile(runs: &[Run], start: u32) -> Vec<i64> {
    let end = runs.iter().map(|run| run.end).max().unwrap_or(start);
    // First the changes from column to column, then their running sum.
    let mut profile = vec![0_i64; (end - start) as usize + 1];
    for run in runs {
        profile[(run.start - start) as usize] += 1;
        profile[(run.end - start) as usize] -= 1;
    }
    profile.pop();
    let mut pixels = 0;
    for column in &mut profile {
        pixels += *column;
        *column = pixels;
    }
    profile
}

/// Returns the column at which a mask with a single lung is cut, so that all of it is on one side.
fn one_side(components: &[Component], film: Size) -> u32 {
    let whole = components.iter().copied().reduce(Component::and);
    let is_right = whole.is_some_and(|whole| whole.centroid().0 < f64::from(film.width()) / 2.0);
    if is_right { film.width() } else { 0 }
}

/// Cuts runs into those to the left of `column`, which belong to the right lung, and those from
/// `column` on, which belong to the left lung.
fn cut(runs: &[Run], column: u32) -> (Vec<Run>, Vec<Run>) {
    let right = runs.iter().map(|&run| Run {
        end: run.end.min(column),
        ..run
    });
    let left = runs.iter().map(|&run| Run {
        start: run.start.max(column),
        ..run
    });
    let is_filled = |run: &Run| run.start < run.end;
    (
        right.filter(is_filled).collect(),
        left.filter(is_filled).collect(),
    )
}
