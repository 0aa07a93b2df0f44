//! The scale of the Dice scores in a figure.

use super::ACROSS;
use crate::evaluation::measure::ScoredCase;
use crate::evaluation::report::words::counted;
use crate::evaluation::summary::ARTICLE;
use crate::plot::{Scale, Step};

/// The share of the films that may lie beyond the scale. At least one film may.
const BEYOND: f64 = 0.02;
/// The largest number of bins.
const BINS: f64 = 50.0;

/// A scale for the Dice scores of a report, divided into equal bins. It ends at 1 and includes the scores of the article.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreScale {
    /// The scale. A score beyond it is drawn at its left end.
    pub(super) scale: Scale,
    /// The width of a bin.
    pub(super) bin: f64,
}

impl ScoreScale {
    /// Chooses the scale. It begins at the lowest score, unless a few films would more than double its length.
    pub(super) fn of(films: &[ScoredCase]) -> Self {
        let mut dice: Vec<f64> = films.iter().map(ScoredCase::dice).collect();
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
        let bin = Step::at_least((1.0 - begin) / BINS).size();
        let begin = ((begin / bin + 1e-9).floor() * bin).max(0.0);
        Self::new(begin, bin)
    }

    pub(super) fn new(begin: f64, bin: f64) -> Self {
        Self {
            scale: Scale::linear(begin, 1.0, ACROSS),
            bin,
        }
    }

    /// Returns whether a score is too low for the scale.
    pub(super) fn is_beyond(self, dice: f64) -> bool {
        dice < self.scale.first() - 1e-9
    }

    /// Returns the bin of a score on the scale. A bin includes its lower bound; only the last includes its upper bound.
    pub(super) fn bin_of(self, dice: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the score is on the scale"
        )]
        let bin = |value: f64| ((value - self.scale.first()) / self.bin + 1e-6) as usize;
        bin(dice).min(bin(1.0) - 1)
    }

    /// Returns a sentence about the films beyond the scale, with a space before it; empty if there are none.
    pub(super) fn about_beyond(self, films: &[ScoredCase]) -> String {
        let begin = (self.scale.first() * 1e4).round() / 1e4;
        let beyond = films
            .iter()
            .filter(|film| self.is_beyond(film.dice()))
            .count();
        let films = match beyond {
            0 => return String::new(),
            1 => "film".to_owned(),
            count => counted(count, "film"),
        };
        format!(
            " Arrows at the left end stand for the {films} below {begin}, where the axis begins."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures::scored;

    /// Films of which each mask has so many of the reference's ten pixels.
    fn films(found: &[usize]) -> Vec<ScoredCase> {
        found
            .iter()
            .map(|&found| scored("x", "a", 10, found))
            .collect()
    }

    #[test]
    fn the_scale_includes_the_article_and_whole_bins() {
        for found in [10, 9, 7, 3, 0] {
            let ScoreScale { scale, bin } = ScoreScale::of(&films(&[found]));
            let (begin, end) = (scale.first(), scale.last());
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
        assert_eq!(ScoreScale::of(&all).about_beyond(&all), "");
        all.extend(films(&[0]));
        let scores = ScoreScale::of(&all);
        assert!(scores.scale.first() > 0.9);
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
        assert!(ScoreScale::of(&all).scale.first().abs() < 1e-9);
        let near = films(&[10, 10, 10, 8]);
        assert!(
            !ScoreScale::of(&near).is_beyond(near[3].dice()),
            "twice the length is no harm"
        );
    }

    #[test]
    fn every_score_has_one_bin() {
        let scores = ScoreScale::new(0.9, 0.02);
        assert_eq!(
            [0.9, 0.919, 0.92, 0.98, 0.999, 1.0].map(|dice| scores.bin_of(dice)),
            [0, 0, 1, 4, 4, 4]
        );
    }
}
