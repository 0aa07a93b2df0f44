//! Decides how scores are summed up: the article's table, for each source and for all.

use std::collections::BTreeMap;
use std::fmt;

use super::score::Score;
use crate::train::validate::mean;

/// Mean, minimum, maximum and standard deviation of some Dice scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What was summed up: a source, or `all`.
    pub name: String,
    /// Number of cases.
    pub cases: usize,
    /// The mean.
    pub mean: f64,
    /// The lowest score.
    pub minimum: f64,
    /// The highest score.
    pub maximum: f64,
    /// The standard deviation of a sample (with n − 1); 0 for a single case.
    pub deviation: f64,
}

/// A row for each source, in the order of their names, and one for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary(pub Vec<Row>);

impl Summary {
    /// The summary of some scores.
    #[must_use]
    pub fn of(scores: &[Score]) -> Self {
        let mut sources: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for score in scores {
            sources.entry(&score.source).or_default().push(score.overlap.dice());
        }
        let all: Vec<f64> = scores.iter().map(|score| score.overlap.dice()).collect();
        let rows = sources.iter().map(|(name, dice)| Row::of(name, dice));
        Self(rows.chain(std::iter::once(Row::of("all", &all))).collect())
    }
}

impl Row {
    fn of(name: &str, dice: &[f64]) -> Self {
        let count = dice.len().max(1) as f64;
        let mean = mean(dice);
        let squares: f64 = dice.iter().map(|score| (score - mean).powi(2)).sum();
        Self {
            name: name.to_owned(),
            cases: dice.len(),
            mean,
            minimum: dice.iter().copied().fold(1.0, f64::min),
            maximum: dice.iter().copied().fold(0.0, f64::max),
            deviation: (squares / (count - 1.0).max(1.0)).sqrt(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:<12} {:>5}  {:>7}  {:>7}  {:>7}  {:>7}",
            "Dice", "cases", "mean", "min", "max", "sd"
        )?;
        for Row { name, cases, mean, minimum, maximum, deviation } in &self.0 {
            writeln!(
                formatter,
                "{name:<12} {cases:>5}  {mean:>7.4}  {minimum:>7.4}  {maximum:>7.4}  {deviation:>7.4}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::mask::Mask;
    use crate::overlap::Overlap;

    /// A score of Dice 2·shared / (shared + 10) · …: the first mask has 10 pixels, the second `shared` of them.
    fn score(source: &str, shared: usize) -> Score {
        let size = Size::new(10, 1).expect("neither side is 0");
        let mask = |lung: usize| Mask::new(size, (0..10).map(|i| i < lung).collect()).expect("ten pixels");
        let overlap = Overlap::of(&mask(10), &mask(shared)).expect("one size");
        Score { case: "case".to_owned(), source: source.to_owned(), overlap }
    }

    #[test]
    fn rows_are_the_sources_and_all() {
        // Dice 1, 18/19 and 2/3
        let summary = Summary::of(&[score("b", 10), score("a", 9), score("b", 5)]);
        let names: Vec<_> = summary.0.iter().map(|row| (row.name.as_str(), row.cases)).collect();
        assert_eq!(names, [("a", 1), ("b", 2), ("all", 3)]);
        let b = &summary.0[1];
        assert!((b.mean - 5.0 / 6.0).abs() < 1e-9);
        assert!((b.minimum - 2.0 / 3.0).abs() < 1e-9 && (b.maximum - 1.0).abs() < 1e-9);
        assert!((b.deviation - (1.0 / 18.0_f64).sqrt()).abs() < 1e-9);
        assert!(summary.0[0].deviation.abs() < 1e-9);
    }

    #[test]
    fn the_table_shows_four_places() {
        let text = Summary::of(&[score("montgomery", 9)]).to_string();
        assert!(text.contains("montgomery       1   0.9474   0.9474   0.9474   0.0000"), "{text}");
    }
}
