//! Finds the grey values of a film that become black and white.

use std::ops::Range;

use super::options::PreprocessOptions;
use crate::geometry::Size;

/// A line of pixels belongs to a border if at least this share of it is close to the darkest or the
/// brightest grey of the film.
const BORDER_SHARE: f64 = 0.9;
/// The largest border at either end of a side, as a share of the side.
const BORDER_LIMIT: f64 = 0.25;

/// The grey values that become black and white.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) dark: f32,
    pub(super) bright: f32,
}

impl Window {
    /// Finds the percentiles of a plane, inside of its black or white borders.
    pub(super) fn of(plane: &[f32], size: Size, options: &PreprocessOptions) -> Self {
        let Content { columns, rows } = Content::of(plane, size, options.border_tolerance);
        let mut greys: Vec<f32> = rows
            .flat_map(|y| &plane[y * size.columns()..][columns.clone()])
            .copied()
            .collect();
        let mut at = |percentile: f64| {
            let index = ((greys.len() - 1) as f64 * percentile / 100.0).round();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 ≤ index < greys.len()"
            )]
            *greys
                .select_nth_unstable_by(index as usize, f32::total_cmp)
                .1
        };
        Self {
            dark: at(options.lower_percentile),
            bright: at(options.upper_percentile),
        }
    }

    /// Returns whether the window has no contrast.
    pub(super) fn is_flat(self) -> bool {
        self.bright <= self.dark
    }

    /// Maps grey values to the range from −1 (dark) to 1 (bright). Without contrast, all become −1.
    pub(super) fn normalise(self, plane: &[f32]) -> Vec<f32> {
        let scale = if self.is_flat() {
            0.0
        } else {
            2.0 / (self.bright - self.dark)
        };
        plane
            .iter()
            .map(|&grey| ((grey - self.dark) * scale - 1.0).clamp(-1.0, 1.0))
            .collect()
    }
}

/// The columns and rows of a plane that are inside of its black or white borders.
struct Content {
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Content {
    /// Finds the content of a plane. `tolerance` is the largest distance of a border pixel from the
    /// darkest or the brightest grey, as a share of the range.
    fn of(plane: &[f32], size: Size, tolerance: f64) -> Self {
        let (darkest, brightest) = plane
            .iter()
            .fold((f32::MAX, f32::MIN), |(low, high), &grey| {
                (low.min(grey), high.max(grey))
            });
        let margin = f64::from(brightest - darkest) * tolerance;
        let is_extreme = |grey: f32| {
            f64::from(grey - darkest) <= margin || f64::from(brightest - grey) <= margin
        };
        let is_border = |greys: &mut dyn ExactSizeIterator<Item = f32>| {
            let length = greys.len() as f64;
            greys.filter(|&grey| is_extreme(grey)).count() as f64 >= BORDER_SHARE * length
        };
        let width = size.columns();
        Self {
            columns: inner(width, |x| {
                is_border(&mut plane[x..].iter().copied().step_by(width))
            }),
            rows: inner(size.rows(), |y| {
                is_border(&mut plane[y * width..][..width].iter().copied())
            }),
        }
    }
}

/// Removes border lines from both ends of `length` lines, up to the limit.
fn inner(length: usize, is_border: impl Fn(usize) -> bool) -> Range<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is below it"
    )]
    let limit = (length as f64 * BORDER_LIMIT) as usize;
    let start = (0..limit).take_while(|&line| is_border(line)).count();
    let end = (0..limit)
        .take_while(|&line| is_border(length - 1 - line))
        .count();
    // Resampling has mixed the border with the content in one more line.
    let with_mixed = |lines: usize| if lines == 0 { 0 } else { lines + 1 };
    with_mixed(start)..length - with_mixed(end)
}
