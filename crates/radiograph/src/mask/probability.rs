//! Holds the probability of lung at each pixel of the model grid.

use crate::geometry::mirrored;

/// The probability of lung at each pixel of the square model grid, row by row.
///
/// # Examples
///
/// ```
/// use lungfield_radiograph::mask::ProbabilityMap;
///
/// let map = ProbabilityMap::new(2, vec![0.9, 0.1, 0.8, 0.2]).expect("2 × 2 probabilities");
/// assert_eq!(map.mirrored().values(), [0.1, 0.9, 0.2, 0.8]);
/// assert!(ProbabilityMap::new(2, vec![0.5; 3]).is_none());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ProbabilityMap {
    side: u32,
    values: Vec<f32>,
}

impl ProbabilityMap {
    /// Creates a map from `side × side` probabilities. Returns `None` if `values` has another
    /// length.
    #[must_use]
    pub fn new(side: u32, values: Vec<f32>) -> Option<Self> {
        (values.len() == (side as usize).pow(2)).then_some(Self { side, values })
    }

    /// Returns the side of the square, in model pixels.
    #[must_use]
    pub fn side(&self) -> u32 {
        self.side
    }

    /// Returns the probabilities, row by row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the mirror image, with left and right exchanged.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self {
            side: self.side,
            values: mirrored(&self.values, self.side),
        }
    }

    /// Returns the mean of two maps of the same side.
    ///
    /// # Panics
    ///
    /// Panics if the sides differ.
    #[must_use]
    pub fn averaged(&self, other: &Self) -> Self {
        assert_eq!(self.side, other.side, "only maps of one side are averaged");
        let pairs = self.values.iter().zip(&other.values);
        Self {
            side: self.side,
            values: pairs.map(|(one, other)| (one + other) * 0.5).collect(),
        }
    }
}
