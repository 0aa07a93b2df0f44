//! Decides where Dice scores lie on a figure: so that one failed film does not press all others together.

use super::super::super::measure::Scored;
use super::super::super::summary::ARTICLE;
use super::super::html::counted;
use super::super::svg::{Axis, step};
use super::PLOT;

/// At most this share of the films may lie beyond the axis, and one in any case.
const BEYOND: f64 = 0.02;
/// Bins along the axis, at most.
const BINS: f64 = 50.0;

/// An axis for the Dice scores of a report's films, divided evenly into bins. It ends at 1 and holds the article's scores.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreAxis {
    /// Where a score lies; one beyond the axis lies at its left end.
    pub(super) axis: Axis,
    /// The width of a bin.
    pub(super) bin: f64,
}

impl ScoreAxis {
    /// The axis begins at the lowest score, unless that more than doubles its length for a few films' sake.
    pub(super) fn of(films: &[Scored]) -> Self {
        let mut dice: Vec<f64> = films
            .iter()
            .map(|film| film.measures.overlap.dice())
            .collect();
        dice.sort_by(f64::total_cmp);
        let last = dice.len().saturating_sub(1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of an index"
        )]
        let kept = (last * BEYOND).ceil() as usize;
        let [lowest, most] =
            [0, kept].map(|index| dice.get(index).copied().unwrap_or(1.0).min(ARTICLE.minimum));
        let begin = if 1.0 - lowest > 2.0 * (1.0 - most) {
            most
        } else {
            lowest
        };
        let (bin, _) = step((1.0 - begin) / BINS);
        let begin = ((begin / bin + 1e-9).floor() * bin).max(0.0);
        Self {
            axis: Axis {
                values: [begin, 1.0],
                places: PLOT,
            },
            bin,
        }
    }

    /// Whether a score is too low for the axis.
    pub(super) fn is_beyond(self, dice: f64) -> bool {
        dice < self.axis.values[0] - 1e-9
    }

    /// The bin of a score that is not beyond. A bin takes its lower bound in, the last its upper one too.
    pub(super) fn bin_of(self, dice: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is not beyond"
        )]
        let bin = |value: f64| ((value - self.axis.values[0]) / self.bin + 1e-6) as usize;
        bin(dice).min(bin(1.0) - 1)
    }

    /// A sentence on the films beyond, with a space before it; empty where there are none.
    pub(super) fn about_beyond(self, films: &[Scored]) -> String {
        let begin = (self.axis.values[0] * 1e4).round() / 1e4;
        match films
            .iter()
            .filter(|film| self.is_beyond(film.measures.overlap.dice()))
            .count()
        {
            0 => String::new(),
            1 => {
                format!(
                    " Arrows at the left end stand for the film below {begin}, where the axis begins."
                )
            }
            count => {
                let films = counted(count, "film");
                format!(
                    " Arrows at the left end stand for the {films} below {begin}, where the axis begins."
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::measure::tests::scored;
    use super::*;

    /// Films of which each mask has so many of the reference's ten pixels.
    fn films(found: &[usize]) -> Vec<Scored> {
        found
            .iter()
            .map(|&found| scored("x", "a", [10, found]))
            .collect()
    }

    #[test]
    fn the_axis_holds_the_article_and_whole_bins() {
        for found in [10, 9, 7, 3, 0] {
            let ScoreAxis { axis, bin } = ScoreAxis::of(&films(&[found]));
            let [begin, end] = axis.values;
            assert!(begin <= ARTICLE.minimum, "{found}");
            let bins = (end - begin) / bin;
            assert!(
                (bins - bins.round()).abs() < 1e-6 && (20.0..=51.0).contains(&bins),
                "{found}: {bins}"
            );
        }
    }

    #[test]
    fn one_failed_film_does_not_press_the_others_together() {
        let mut all = films(&[9; 30]);
        assert_eq!(ScoreAxis::of(&all).about_beyond(&all), "");
        all.extend(films(&[0]));
        let scores = ScoreAxis::of(&all);
        assert!(scores.axis.values[0] > 0.9);
        assert!(scores.is_beyond(0.0) && !scores.is_beyond(18.0 / 19.0));
        assert!(
            scores.about_beyond(&all).contains("the film below 0.92"),
            "{}",
            scores.about_beyond(&all)
        );
    }

    #[test]
    fn many_low_films_are_shown_where_they_are() {
        let all = films(&[9, 9, 9, 9, 9, 9, 0, 0, 0]);
        assert!(ScoreAxis::of(&all).axis.values[0].abs() < 1e-9);
        let near = films(&[10, 10, 10, 8]);
        assert!(
            !ScoreAxis::of(&near).is_beyond(near[3].measures.overlap.dice()),
            "twice the length is no harm"
        );
    }

    #[test]
    fn every_score_has_one_bin() {
        let scores = ScoreAxis {
            axis: Axis {
                values: [0.9, 1.0],
                places: PLOT,
            },
            bin: 0.02,
        };
        assert_eq!(
            [0.9, 0.919, 0.92, 0.98, 0.999, 1.0].map(|dice| scores.bin_of(dice)),
            [0, 0, 1, 4, 4, 4]
        );
    }
}
