//! Decides how scores are summed up: the article's table, for each source and for all, and how it is printed.

use std::collections::BTreeMap;
use std::fmt;

use super::calibration::Calibration;
use super::measure::{Measure, Scored, THRESHOLDS};
use super::statistics::{Statistics, mean};

/// What the article's authors report of their own network on their own test films: "Experimenting with Deep Neural
/// Networks for X-Ray Image Segmentation", 2016.
pub const ARTICLE: Article = Article {
    mean: 0.962,
    minimum: 0.926,
    maximum: 0.974,
    deviation: 0.008,
};

/// The Dice scores of the 2016 article, to compare with.
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

/// Which films a row sums up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Those of one source.
    Source(String),
    /// All.
    All,
    /// All but those whose reference mask is doubtful.
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

/// What the films of a group come down to.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which films.
    pub group: Group,
    /// How many.
    pub films: usize,
    /// The mean Dice score at each of [`super::measure::thresholds`].
    pub dice_by_threshold: [f64; THRESHOLDS],
    /// The calibration on all of their pixels.
    pub calibration: Calibration,
    statistics: [Option<Statistics>; Measure::ALL.len()],
}

impl Row {
    /// The statistics of a measure on those films on which it is defined; `None` where that is none.
    #[must_use]
    pub fn statistics(&self, measure: Measure) -> Option<&Statistics> {
        let index = Measure::ALL.iter().position(|&one| one == measure)?;
        self.statistics[index].as_ref()
    }

    /// On how many films a measure is undefined, so that its statistics leave them out.
    #[must_use]
    pub fn undefined(&self, measure: Measure) -> usize {
        self.films
            - self
                .statistics(measure)
                .map_or(0, |statistics| statistics.count)
    }

    /// The row of a group, given its films source by source.
    fn of(group: Group, strata: &[Vec<&Scored>]) -> Self {
        let values = |measure: Measure| -> Vec<Vec<f64>> {
            let defined = |film: &&Scored| measure.of(&film.measures);
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
            statistics: Measure::ALL.map(|measure| Statistics::of(&values(measure))),
        }
    }
}

/// A row for each source, in the order of their names, one for all, and one for all but the doubtful where there are
/// doubtful ones and others. No films have no rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary(pub Vec<Row>);

impl Summary {
    /// The summary of some films.
    #[must_use]
    pub fn of(films: &[Scored]) -> Self {
        if films.is_empty() {
            return Self(Vec::new());
        }
        let mut sources: BTreeMap<&str, Vec<&Scored>> = BTreeMap::new();
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
        Self(rows)
    }

    /// The row of all films; `None` where there are none.
    #[must_use]
    pub fn all(&self) -> Option<&Row> {
        self.0.iter().find(|row| row.group == Group::All)
    }

    /// The measures to be shown: those in millimetres only where a film has them.
    pub fn measures(&self) -> impl Iterator<Item = Measure> {
        let is_known = |measure: &Measure| {
            self.all()
                .is_some_and(|all| all.statistics(*measure).is_some())
        };
        Measure::ALL
            .into_iter()
            .filter(move |measure| !measure.needs_spacing() || is_known(measure))
    }

    /// The rows of the sources, in the order of their names.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.0.iter().filter_map(|row| match &row.group {
            Group::Source(name) => Some((name.as_str(), row)),
            Group::All | Group::AllButDoubtful => None,
        })
    }
}

/// A table for the terminal: Dice first, with the article's figures below, then the other measures.
impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self
            .0
            .iter()
            .map(|row| row.group.to_string().chars().count())
            .max();
        let title = Measure::ALL
            .map(|measure| measure.name().chars().count())
            .into_iter()
            .max();
        let width = widest.max(title).unwrap_or_default();
        for measure in self.measures() {
            writeln!(
                formatter,
                "{:<width$}  {:>5}  {:>7}  {:>15}  {:>7}  {:>7}  {:>7}  {:>7}",
                measure.name(),
                "films",
                "mean",
                "95 % interval",
                "median",
                "min",
                "max",
                "sd"
            )?;
            for row in &self.0 {
                write_row(formatter, row, measure, width)?;
            }
            if measure == Measure::Dice {
                write_article(formatter, width)?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

fn write_row(
    formatter: &mut fmt::Formatter<'_>,
    row: &Row,
    measure: Measure,
    width: usize,
) -> fmt::Result {
    let places = measure.places();
    let Some(Statistics {
        count,
        mean,
        interval,
        median,
        minimum,
        maximum,
        deviation,
    }) = row.statistics(measure)
    else {
        return writeln!(formatter, "{:<width$}  {:>5}  undefined", row.group, 0);
    };
    let interval = format!("{:.places$}–{:.places$}", interval.lower, interval.upper);
    writeln!(
        formatter,
        "{:<width$}  {count:>5}  {mean:>7.places$}  {interval:>15}  {median:>7.places$}  {minimum:>7.places$}  \
         {maximum:>7.places$}  {deviation:>7.places$}",
        row.group
    )
}

/// The article gives three places, no median, no interval and no number of test films.
fn write_article(formatter: &mut fmt::Formatter<'_>, width: usize) -> fmt::Result {
    let Article {
        mean,
        minimum,
        maximum,
        deviation,
    } = ARTICLE;
    writeln!(
        formatter,
        "{:<width$}  {:>5}  {mean:>7.3}  {:15}  {:>7}  {minimum:>7.3}  {maximum:>7.3}  {deviation:>7.3}",
        "article of 2016", "", "", ""
    )
}

#[cfg(test)]
mod tests {
    use super::super::measure::tests::scored;
    use super::*;

    /// Dice 1, 18/19 and 2/3.
    fn three() -> Vec<Scored> {
        vec![
            scored("x", "b", [10, 10]),
            scored("y", "a", [10, 9]),
            scored("z", "b", [10, 5]),
        ]
    }

    #[test]
    fn rows_are_the_sources_and_all() {
        let summary = Summary::of(&three());
        let names: Vec<_> = summary
            .0
            .iter()
            .map(|row| (row.group.to_string(), row.films))
            .collect();
        assert_eq!(
            names,
            [
                ("a".to_owned(), 1),
                ("b".to_owned(), 2),
                ("all".to_owned(), 3)
            ]
        );
        let dice = summary.0[1].statistics(Measure::Dice).unwrap();
        assert!((dice.mean - 5.0 / 6.0).abs() < 1e-9);
        assert!((dice.minimum - 2.0 / 3.0).abs() < 1e-9 && (dice.maximum - 1.0).abs() < 1e-9);
        assert!((dice.deviation - (1.0 / 18.0_f64).sqrt()).abs() < 1e-9);
        let all = summary.all().unwrap().statistics(Measure::Dice).unwrap();
        assert!((all.mean - (1.0 + 18.0 / 19.0 + 2.0 / 3.0) / 3.0).abs() < 1e-9);
    }

    #[test]
    fn doubtful_films_count_but_there_is_a_row_without_them() {
        let mut films = three();
        films[2].doubtful = true;
        let summary = Summary::of(&films);
        let certain = summary.0.last().unwrap();
        assert_eq!((&certain.group, certain.films), (&Group::AllButDoubtful, 2));
        assert!((certain.statistics(Measure::Dice).unwrap().minimum - 18.0 / 19.0).abs() < 1e-9);
        assert_eq!(summary.all().unwrap().films, 3);
        for film in &mut films {
            film.doubtful = true;
        }
        assert_eq!(Summary::of(&films).0.last().unwrap().group, Group::All);
    }

    #[test]
    fn undefined_distances_are_left_out_and_counted() {
        let films = [scored("x", "a", [5, 0]), scored("y", "a", [5, 4])];
        let all = Summary::of(&films);
        let all = all.all().unwrap();
        assert_eq!(
            (
                all.undefined(Measure::Dice),
                all.undefined(Measure::Hausdorff95)
            ),
            (0, 1)
        );
        let distance = all.statistics(Measure::SurfaceDistance).unwrap();
        assert!((distance.mean - 1.0 / 9.0).abs() < 1e-9);
        assert_eq!(
            Summary::of(&films[..1])
                .all()
                .unwrap()
                .statistics(Measure::Hausdorff95),
            None
        );
    }

    #[test]
    fn curves_are_means_and_pixels_add_up() {
        let summary = Summary::of(&three());
        let all = summary.all().unwrap();
        assert!(
            (all.dice_by_threshold[9] - all.statistics(Measure::Dice).unwrap().mean).abs() < 1e-12
        );
        assert!(all.dice_by_threshold[18].abs() < 1e-12);
        assert_eq!(
            all.calibration
                .bins()
                .iter()
                .map(|bin| bin.pixels())
                .sum::<u64>(),
            30
        );
    }

    #[test]
    fn no_films_have_no_rows() {
        assert_eq!(Summary::of(&[]), Summary(Vec::new()));
        assert_eq!(Summary::of(&[]).all(), None);
    }

    #[test]
    fn the_table_is_aligned_and_shows_the_article() {
        let text = Summary::of(&three()).to_string();
        let dice: Vec<_> = text.lines().take_while(|line| !line.is_empty()).collect();
        assert_eq!(dice.len(), 5, "{text}");
        assert!(
            dice.iter()
                .all(|line| line.chars().count() == dice[0].chars().count()),
            "{text}"
        );
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(dice[1])[..4], ["a", "1", "0.9474", "0.9474–0.9474"]);
        assert_eq!(words(dice[4])[3..], ["0.962", "0.926", "0.974", "0.008"]);
        assert_eq!(
            text.matches("95 % interval").count(),
            4,
            "none in millimetres"
        );
    }

    #[test]
    fn millimetres_are_shown_where_a_film_has_them() {
        let mut films = three();
        films[0].measures.surface_mm = films[0].measures.surface;
        let summary = Summary::of(&films);
        assert_eq!(summary.measures().collect::<Vec<_>>(), Measure::ALL);
        assert_eq!(summary.all().unwrap().undefined(Measure::Hausdorff95Mm), 2);
        assert!(summary.to_string().contains("Hausdorff 95 %, mm"));
    }

    #[test]
    fn what_is_undefined_everywhere_is_said_to_be() {
        let text = Summary::of(&[scored("x", "a", [5, 0])]).to_string();
        assert_eq!(text.matches("undefined").count(), 4, "{text}");
    }
}
