//! The summary of scored cases: the statistics of each measure, for each source and for all cases.

#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::fmt;

use super::calibration::Calibration;
use super::measure::{Measure, ScoredCase, THRESHOLDS};
use super::statistics::{Statistics, mean};

/// The scores that "Experimenting with Deep Neural Networks for X-Ray Image Segmentation" (2016) reports for its network
/// on its test films.
pub const ARTICLE: Article = Article {
    mean: 0.962,
    minimum: 0.926,
    maximum: 0.974,
    deviation: 0.008,
};

/// The Dice scores of the article.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Article {
    /// The mean.
    pub mean: f64,
    /// The lowest score.
    pub minimum: f64,
    /// The highest score.
    pub maximum: f64,
    /// The standard deviation.
    pub deviation: f64,
}

/// The cases that a row sums up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The cases of one source.
    Source(String),
    /// All cases.
    All,
    /// All cases but those with a doubtful reference mask.
    AllButDoubtful,
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Source(name) => name,
            Self::All => "all",
            Self::AllButDoubtful => "all but doubtful",
        })
    }
}

/// The statistics of a group of cases.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The group.
    pub group: Group,
    /// The number of cases.
    pub films: usize,
    /// The mean Dice score at each of [`super::measure::thresholds`].
    pub dice_by_threshold: [f64; THRESHOLDS],
    /// The calibration on all pixels of the cases.
    pub calibration: Calibration,
    statistics: BTreeMap<Measure, Statistics>,
}

impl Row {
    /// Returns the statistics of a measure over the cases for which it is defined, or `None` if there are none.
    #[must_use]
    pub fn statistics(&self, measure: Measure) -> Option<&Statistics> {
        self.statistics.get(&measure)
    }

    /// Returns the number of cases for which a measure is undefined, and which its statistics leave out.
    #[must_use]
    pub fn undefined(&self, measure: Measure) -> usize {
        self.films
            - self
                .statistics(measure)
                .map_or(0, |statistics| statistics.count)
    }

    /// Sums up a group, given its cases source by source.
    fn of(group: Group, strata: &[Vec<&ScoredCase>]) -> Self {
        let values = |measure: Measure| -> Vec<Vec<f64>> {
            let defined = |film: &&ScoredCase| measure.of(&film.measures);
            strata
                .iter()
                .map(|films| films.iter().filter_map(defined).collect())
                .collect()
        };
        let measures = || strata.iter().flatten().map(|film| &film.measures);
        let at = |index: usize| {
            mean(
                &measures()
                    .map(|film| film.by_threshold[index])
                    .collect::<Vec<_>>(),
            )
        };
        Self {
            group,
            films: measures().count(),
            dice_by_threshold: std::array::from_fn(at),
            calibration: measures().map(|film| &film.calibration).sum(),
            statistics: Measure::ALL
                .into_iter()
                .filter_map(|measure| Some((measure, Statistics::of(&values(measure))?)))
                .collect(),
        }
    }
}

/// The summary of scored cases. As text it is a table for a terminal.
///
/// ```
/// use lungfield_training::evaluation::summary::Summary;
///
/// let summary = Summary::of(&[]);
/// assert!(summary.rows.is_empty() && summary.all().is_none());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// A row for each source, sorted by name, one for all cases, and one for all but the doubtful ones if there are both
    /// doubtful cases and others. Without cases there are no rows.
    pub rows: Vec<Row>,
}

impl Summary {
    /// Sums up scored cases.
    #[must_use]
    pub fn of(films: &[ScoredCase]) -> Self {
        if films.is_empty() {
            return Self { rows: Vec::new() };
        }
        let mut sources: BTreeMap<&str, Vec<&ScoredCase>> = BTreeMap::new();
        for film in films {
            sources.entry(&film.source).or_default().push(film);
        }
        let row = |(&name, films): (&&str, &Vec<_>)| {
            Row::of(Group::Source(name.to_owned()), std::slice::from_ref(films))
        };
        let mut rows: Vec<Row> = sources.iter().map(row).collect();
        let mut strata: Vec<_> = sources.into_values().collect();
        rows.push(Row::of(Group::All, &strata));
        for films in &mut strata {
            films.retain(|film| !film.doubtful);
        }
        let certain = strata.iter().map(Vec::len).sum::<usize>();
        if certain > 0 && certain < films.len() {
            rows.push(Row::of(Group::AllButDoubtful, &strata));
        }
        Self { rows }
    }

    /// Returns the row of all cases, or `None` if there are no cases.
    #[must_use]
    pub fn all(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.group == Group::All)
    }

    /// Returns the measures to show. Those in millimetres are left out if no case has them.
    pub fn measures(&self) -> impl Iterator<Item = Measure> {
        let is_known = |measure: &Measure| {
            self.all()
                .is_some_and(|all| all.statistics(*measure).is_some())
        };
        Measure::ALL
            .into_iter()
            .filter(move |measure| !measure.needs_spacing() || is_known(measure))
    }

    /// Returns the names and rows of the sources, sorted by name.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().filter_map(|row| match &row.group {
            Group::Source(name) => Some((name.as_str(), row)),
            Group::All | Group::AllButDoubtful => None,
        })
    }
}
