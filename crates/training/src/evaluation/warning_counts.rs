//! The number of cases with warnings, in all and by warning.

use std::fmt;

use super::measure::ScoredCase;
use lungfield_radiograph::warnings::Warning;

/// The number of cases with warnings that a server would give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarningCounts {
    /// The number of cases.
    pub films: usize,
    /// The number of cases with a warning.
    pub warned: usize,
    /// The number of cases with each warning that occurs, in the order of [`Warning::ALL`].
    pub by_warning: Vec<(Warning, usize)>,
}

impl WarningCounts {
    /// Counts the warnings of scored cases.
    #[must_use]
    pub fn of(films: &[ScoredCase]) -> Self {
        let with = |warning| {
            films
                .iter()
                .filter(|film| film.warnings.contains(&warning))
                .count()
        };
        Self {
            films: films.len(),
            warned: films
                .iter()
                .filter(|film| !film.warnings.is_empty())
                .count(),
            by_warning: Warning::ALL
                .map(|warning| (warning, with(warning)))
                .into_iter()
                .filter(|&(_, films)| films > 0)
                .collect(),
        }
    }
}

impl fmt::Display for WarningCounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.warned, self.films)?;
        let mut before = ": ";
        for (warning, films) in &self.by_warning {
            write!(formatter, "{before}{} {films}", warning.code())?;
            before = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::fixtures::scored;

    #[test]
    fn a_film_with_two_warnings_counts_once_and_with_each() {
        let film = |warnings: &[Warning]| ScoredCase {
            warnings: warnings.to_vec(),
            ..scored("a", "b", 5, 4)
        };
        let films = [
            film(&[]),
            film(&[Warning::OneLung, Warning::LowConfidence]),
            film(&[Warning::LowConfidence]),
        ];
        assert_eq!(
            WarningCounts::of(&films).to_string(),
            "2 of 3: one_lung 1, low_confidence 2"
        );
        assert_eq!(WarningCounts::of(&films[..1]).to_string(), "0 of 1");
    }
}
