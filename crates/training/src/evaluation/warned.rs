//! Decides how warnings are summed up: on how many films there is one, and on how many each.

use std::fmt;

use super::measure::Scored;
use lungfield_radiograph::lungs::Warning;

/// How many films a server would have warned of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warned {
    /// All films.
    pub films: usize,
    /// Those with a warning or several.
    pub warned: usize,
    /// Those with each warning that there is, in the order of [`Warning::ALL`].
    pub by_warning: Vec<(Warning, usize)>,
}

impl Warned {
    /// The warnings of some films.
    #[must_use]
    pub fn of(films: &[Scored]) -> Self {
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

impl fmt::Display for Warned {
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
    use super::super::measure::tests::scored;
    use super::*;

    #[test]
    fn a_film_with_two_warnings_counts_once_and_with_each() {
        let film = |warnings: &[Warning]| Scored {
            warnings: warnings.to_vec(),
            ..scored("a", "b", [5, 4])
        };
        let films = [
            film(&[]),
            film(&[Warning::OneLung, Warning::LowConfidence]),
            film(&[Warning::LowConfidence]),
        ];
        assert_eq!(
            Warned::of(&films).to_string(),
            "2 of 3: one_lung 1, low_confidence 2"
        );
        assert_eq!(Warned::of(&films[..1]).to_string(), "0 of 1");
    }
}
