//! The calibration of a model: whether 70 % of the pixels with a probability of 0.7 are lung.
//!
//! Calibration is measured on the model grid. The probability of each pixel is compared with the share of lung among the
//! film pixels that it covers, as in training. The padding beside the film does not count.

use serde::Serialize;

use lungfield_radiograph::geometry::Geometry;
use lungfield_radiograph::mask::{Mask, ProbabilityMap};
use lungfield_radiograph::postprocess;

/// The number of bins. Each is a tenth of the range from 0 to 1.
const BINS: usize = 10;

/// The model pixels whose probability is in one tenth of the range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    pixels: u64,
    predicted: f64,
    observed: f64,
}

impl Bin {
    /// Returns the number of model pixels.
    #[must_use]
    pub fn pixels(self) -> u64 {
        self.pixels
    }

    /// Returns the mean of the probabilities, or `None` for a bin without pixels.
    #[must_use]
    pub fn mean_predicted(self) -> Option<f64> {
        self.mean(self.predicted)
    }

    /// Returns the mean share of lung, or `None` for a bin without pixels.
    #[must_use]
    pub fn mean_observed(self) -> Option<f64> {
        self.mean(self.observed)
    }

    fn mean(self, sum: f64) -> Option<f64> {
        (self.pixels > 0).then(|| sum / self.pixels as f64)
    }
}

/// The predicted and the observed share of lung, in ten bins. The calibrations of several films can be summed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Calibration([Bin; BINS]);

impl Calibration {
    /// Computes the calibration on one film. A bin includes its lower bound; only the last includes its upper bound.
    ///
    /// # Panics
    /// If the map or the reference mask does not have the size that `geometry` states.
    #[must_use]
    pub fn of(map: &ProbabilityMap, geometry: &Geometry, reference: &Mask) -> Self {
        assert_eq!(
            map.side(),
            geometry.model_side(),
            "a map has the side that its film was prepared for"
        );
        assert_eq!(
            reference.size(),
            geometry.source(),
            "a reference mask has its film's size"
        );
        let coverage = postprocess::coverage(reference, geometry);
        let mut bins = [Bin::default(); BINS];
        let rows = placed_rows(map, geometry).zip(placed_rows(&coverage, geometry));
        for (&predicted, &observed) in
            rows.flat_map(|(predicted, observed)| predicted.iter().zip(observed))
        {
            let bin = &mut bins[index(predicted)];
            bin.pixels += 1;
            bin.predicted += f64::from(predicted);
            bin.observed += f64::from(observed);
        }
        Self(bins)
    }

    /// Returns the bins, from the lowest probabilities to the highest.
    #[must_use]
    pub fn bins(&self) -> &[Bin] {
        &self.0
    }

    /// Returns the expected calibration error (Naeini et al. 2015): the distance between the mean probability of a bin and
    /// its mean share of lung, averaged over pixels. It is 0 without pixels.
    ///
    /// Most pixels are far from any border and easy, so the error is small even if borders are wrong.
    #[must_use]
    pub fn expected_error(&self) -> f64 {
        let pixels: u64 = self.0.iter().map(|bin| bin.pixels).sum();
        let gaps: f64 = self
            .0
            .iter()
            .map(|bin| (bin.predicted - bin.observed).abs())
            .sum();
        gaps / pixels.max(1) as f64
    }
}

impl<'a> std::iter::Sum<&'a Self> for Calibration {
    fn sum<I: Iterator<Item = &'a Self>>(films: I) -> Self {
        films.fold(Self::default(), |mut total, film| {
            for (total, bin) in total.0.iter_mut().zip(film.0) {
                total.pixels += bin.pixels;
                total.predicted += bin.predicted;
                total.observed += bin.observed;
            }
            total
        })
    }
}

/// Serialises the error, and for each bin its pixels and both means. The means of a bin without pixels are `null`.
impl Serialize for Calibration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct PlainBin {
            pixels: u64,
            mean_predicted: Option<f64>,
            mean_observed: Option<f64>,
        }
        #[derive(Serialize)]
        struct Plain {
            expected_error: f64,
            bins: [PlainBin; BINS],
        }
        let bins = self.0.map(|bin| PlainBin {
            pixels: bin.pixels,
            mean_predicted: bin.mean_predicted(),
            mean_observed: bin.mean_observed(),
        });
        Plain {
            expected_error: self.expected_error(),
            bins,
        }
        .serialize(serializer)
    }
}

/// Returns the rows of a map within the film, without the padding beside it.
fn placed_rows<'a>(
    map: &'a ProbabilityMap,
    geometry: &Geometry,
) -> impl Iterator<Item = &'a [f32]> {
    let (left, top, placed) = (
        geometry.left() as usize,
        geometry.top() as usize,
        geometry.placed(),
    );
    let rows = map
        .values()
        .chunks_exact(map.side() as usize)
        .skip(top)
        .take(placed.rows());
    rows.map(move |row| &row[left..left + placed.columns()])
}

/// Returns the index of a probability's bin.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a probability is not negative"
)]
fn index(probability: f32) -> usize {
    // In tenths a probability of 0.3 is exactly 3, which in 32 bits it would not be after a division by 0.1.
    ((probability * BINS as f32) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lungfield_radiograph::geometry::Size;

    /// A film of 2×4 pixels on a grid of 4×4: a column of padding on either side.
    fn narrow() -> Geometry {
        Geometry::letterbox(Size::new(2, 4).unwrap(), 4)
    }

    fn calibration(inside: [f32; 8], padding: f32, lung: [u8; 8]) -> Calibration {
        let rows = inside
            .chunks_exact(2)
            .flat_map(|row| [padding, row[0], row[1], padding]);
        let map = ProbabilityMap::new(4, rows.collect()).unwrap();
        let reference = Mask::new(narrow().source(), lung.map(|lung| lung == 1)).unwrap();
        Calibration::of(&map, &narrow(), &reference)
    }

    #[test]
    fn a_bin_holds_what_was_said_and_what_was_there() {
        let found = calibration(
            [0.7, 0.75, 0.75, 0.7, 0.0, 0.0, 0.0, 0.04],
            0.0,
            [1, 1, 0, 1, 0, 0, 0, 0],
        );
        let [low, high] = [found.bins()[0], found.bins()[7]];
        assert_eq!([low.pixels(), high.pixels()], [4, 4]);
        assert!((high.mean_predicted().unwrap() - 0.725).abs() < 1e-6);
        assert!((high.mean_observed().unwrap() - 0.75).abs() < 1e-12);
        assert!((low.mean_predicted().unwrap() - 0.01).abs() < 1e-6);
        assert!(low.mean_observed().unwrap().abs() < 1e-12);
        assert_eq!(found.bins()[5].mean_predicted(), None);
        assert!((found.expected_error() - f64::midpoint(0.025, 0.01)).abs() < 1e-6);
    }

    #[test]
    fn padding_does_not_count() {
        let lung = [1, 0, 1, 0, 1, 0, 1, 0];
        assert_eq!(
            calibration([0.5; 8], 0.0, lung),
            calibration([0.5; 8], 1.0, lung)
        );
    }

    #[test]
    fn bounds_belong_to_the_bin_above_and_1_to_the_last() {
        let probabilities = [0.0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.999, 1.0];
        assert_eq!(probabilities.map(index), [0, 1, 2, 3, 6, 7, 9, 9]);
    }

    #[test]
    fn films_add_up_pixel_by_pixel() {
        let one = calibration([0.9; 8], 0.0, [1; 8]);
        let other = calibration([0.9; 8], 0.0, [0; 8]);
        let both: Calibration = [&one, &other, &one].into_iter().sum();
        assert_eq!(both.bins()[9].pixels(), 24);
        assert!((both.bins()[9].mean_observed().unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert!((both.expected_error() - (0.9 - 2.0 / 3.0)).abs() < 1e-6);
    }

    #[test]
    fn nothing_is_in_no_way_off() {
        assert!(Calibration::default().expected_error().abs() < 1e-12);
    }
}
