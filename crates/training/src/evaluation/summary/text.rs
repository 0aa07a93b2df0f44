//! The summary as a table for a terminal.

use std::fmt;

use super::{ARTICLE, Article, Row, Summary};
use crate::evaluation::measure::Measure;
use crate::evaluation::statistics::Statistics;

/// Writes the tables of all measures. The table of Dice has the scores of the article as its last row.
impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self
            .rows
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
            for row in &self.rows {
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

/// Writes the row of the article, which states three decimal places, no median, no interval and no number of films.
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
