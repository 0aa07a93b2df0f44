//! Measures the distances between the borders of two masks.
//!
//! For each pixel of the border of one mask ([`Mask::border`]), the distance to the nearest border
//! pixel of the other mask is computed. The same is done in the other direction. This gives two
//! lists of *directed* distances.
//!
//! Distances are Euclidean and exact. They are computed with the lower envelope of parabolas
//! (Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", 2012). Distances
//! within a column are updated from row to row, so no array of the size of the film is needed.

mod directed;
mod envelope;
#[cfg(test)]
mod tests;

use self::directed::{Border, Steps, directed};
use crate::mask::Mask;
use crate::overlap::SizeMismatch;
use crate::radiograph::PixelSpacing;

/// The share of directed distances that the robust Hausdorff distance bounds.
const ROBUST_SHARE: f64 = 0.95;

/// The distances between the borders of two masks.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::mask::Mask;
/// use lungfield_radiograph::radiograph::PixelSpacing;
/// use lungfield_radiograph::surface::SurfaceDistances;
///
/// // Two masks of one pixel each, 3 rows and 4 columns apart.
/// let size = Size::new(5, 4).expect("neither side is 0");
/// let (mut first, mut second) = (Mask::empty(size), Mask::empty(size));
/// first.fill(0, 0..1);
/// second.fill(3, 4..5);
///
/// let distances = SurfaceDistances::of(&first, &second)?.expect("neither mask is empty");
/// assert!((distances.hausdorff_95() - 5.0).abs() < 1e-9);
///
/// let spacing = PixelSpacing::new(0.2, 0.2).expect("both are lengths that a film can have");
/// let distances = SurfaceDistances::in_millimetres(&first, &second, spacing)?;
/// assert!((distances.expect("neither mask is empty").mean() - 1.0).abs() < 1e-9);
/// # Ok::<(), lungfield_radiograph::overlap::SizeMismatch>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceDistances {
    hausdorff_95: f64,
    mean: f64,
}

impl SurfaceDistances {
    /// Measures the distances in pixels.
    ///
    /// For two empty masks all distances are 0. If only one mask is empty, no distance is defined
    /// and the result is `None`.
    ///
    /// # Errors
    ///
    /// Returns [`SizeMismatch`] if the masks have different sizes.
    pub fn of(first: &Mask, second: &Mask) -> Result<Option<Self>, SizeMismatch> {
        Self::between(
            first,
            second,
            Steps {
                row: 1.0,
                column: 1.0,
            },
        )
    }

    /// Measures the distances in millimetres on the film. Empty masks are treated as in
    /// [`Self::of`].
    ///
    /// # Errors
    ///
    /// Returns [`SizeMismatch`] if the masks have different sizes.
    pub fn in_millimetres(
        first: &Mask,
        second: &Mask,
        spacing: PixelSpacing,
    ) -> Result<Option<Self>, SizeMismatch> {
        let steps = Steps {
            row: spacing.row_mm(),
            column: spacing.column_mm(),
        };
        Self::between(first, second, steps)
    }

    /// Returns the symmetric 95 % Hausdorff distance: the larger of the 95th percentiles of the two
    /// lists of directed distances. Percentiles are interpolated, see [`quantile`].
    ///
    /// MONAI's `compute_hausdorff_distance` has the same definition. `DeepMind`'s
    /// `surface-distance` differs only in that it weights border elements by their length.
    #[must_use]
    pub fn hausdorff_95(self) -> f64 {
        self.hausdorff_95
    }

    /// Returns the average symmetric surface distance: the mean of both lists of directed distances
    /// together. This is MONAI's `compute_average_surface_distance` with `symmetric=True`.
    #[must_use]
    pub fn mean(self) -> f64 {
        self.mean
    }

    fn between(first: &Mask, second: &Mask, steps: Steps) -> Result<Option<Self>, SizeMismatch> {
        if first.size() != second.size() {
            return Err(SizeMismatch {
                first: first.size(),
                second: second.size(),
            });
        }
        let [first, second] = [first, second].map(Border::of);
        if first.is_empty() != second.is_empty() {
            return Ok(None);
        }
        let mut directed = [
            directed(&first, &second, steps),
            directed(&second, &first, steps),
        ];
        let total: f64 = directed.iter().flatten().sum();
        let count = directed.iter().map(Vec::len).sum::<usize>().max(1) as f64;
        let robust = directed.each_mut().map(|distances| {
            distances.sort_unstable_by(f64::total_cmp);
            quantile(distances, ROBUST_SHARE)
        });
        Ok(Some(Self {
            hausdorff_95: robust[0].max(robust[1]),
            mean: total / count,
        }))
    }
}

/// Returns the quantile of some ascending values: the value below which `share` of them are.
///
/// It is interpolated linearly between the two nearest values (type 7 of Hyndman and Fan 1996, the
/// default of `NumPy` and R). `share` is between 0 and 1. Without values, the result is 0.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::surface::quantile;
///
/// assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0], 0.5), 1.5);
/// assert_eq!(quantile(&[], 0.5), 0.0);
/// ```
#[must_use]
pub fn quantile(ascending: &[f64], share: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else {
        return 0.0;
    };
    let position = last as f64 * share;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 ≤ position ≤ last"
    )]
    let index = position as usize;
    let (lower, upper) = (ascending[index], ascending[(index + 1).min(last)]);
    lower + (upper - lower) * (position - index as f64)
}
