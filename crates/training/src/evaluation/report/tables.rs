//! Decides what the tables of a page look like: one shape for every measure, and the list of all films.

use std::fmt::{self, Write};

use super::super::measure::{Measure, Scored};
use super::super::statistics::Statistics;
use super::super::summary::{ARTICLE, Group, Row, Summary};
use crate::drawing::Text;

/// Writes the table of a measure: a row for each source, for all, and, below Dice, the article's.
pub(super) fn write_measure(out: &mut String, summary: &Summary, measure: Measure) -> fmt::Result {
    let name = measure.name();
    write!(
        out,
        r#"<div class="scroll"><table class="measure"><thead><tr><th scope="col">{name}</th>"#
    )?;
    for column in [
        "Films",
        "Mean",
        "95 % interval",
        "Median",
        "Min",
        "Max",
        "SD",
    ] {
        write!(out, r#"<th scope="col" class="number">{column}</th>"#)?;
    }
    out.write_str("</tr></thead><tbody>")?;
    for row in &summary.0 {
        write_row(out, row, measure)?;
    }
    if measure == Measure::Dice {
        write_article(out)?;
    }
    out.write_str("</tbody></table></div>\n")?;
    write_undefined(out, summary, measure)
}

fn write_row(out: &mut String, row: &Row, measure: Measure) -> fmt::Result {
    let class = if matches!(row.group, Group::Source(_)) {
        ""
    } else {
        r#" class="together""#
    };
    let (group, places) = (Text(&row.group), measure.places());
    write!(out, r#"<tr{class}><th scope="row">{group}</th>"#)?;
    let Some(statistics) = row.statistics(measure) else {
        return out.write_str(
            r#"<td class="number">0</td><td colspan="6">undefined on every film</td></tr>"#,
        );
    };
    let Statistics {
        count,
        mean,
        interval,
        median,
        minimum,
        maximum,
        deviation,
    } = statistics;
    write!(
        out,
        r#"<td class="number">{count}</td><td class="number strong">{mean:.places$}</td>"#
    )?;
    let interval = format!("{:.places$} – {:.places$}", interval.lower, interval.upper);
    write!(out, r#"<td class="number">{interval}</td>"#)?;
    for value in [median, minimum, maximum, deviation] {
        write!(out, r#"<td class="number">{value:.places$}</td>"#)?;
    }
    out.write_str("</tr>")
}

/// The article gives three places, no median, no interval and no number of test films.
fn write_article(out: &mut String) -> fmt::Result {
    out.write_str(r#"<tr class="article"><th scope="row">article of 2016</th>"#)?;
    let cell = |value: f64| format!("{value:.3}");
    let cells = [None, Some(ARTICLE.mean), None, None]
        .into_iter()
        .chain([ARTICLE.minimum, ARTICLE.maximum, ARTICLE.deviation].map(Some));
    for value in cells {
        write!(
            out,
            r#"<td class="number">{}</td>"#,
            value.map_or_else(|| "–".to_owned(), cell)
        )?;
    }
    out.write_str("</tr>")
}

fn write_undefined(out: &mut String, summary: &Summary, measure: Measure) -> fmt::Result {
    match summary.all().map_or(0, |all| all.undefined(measure)) {
        0 => Ok(()),
        films => {
            let (films, are) = (
                super::html::counted(films, "film"),
                if films == 1 { "is" } else { "are" },
            );
            let spacing = if measure.needs_spacing() {
                "its file states no pixel spacing, or "
            } else {
                ""
            };
            writeln!(
                out,
                r#"<p class="note">{films} {are} left out: {spacing}either the mask or its reference is empty, so that no distance is defined.</p>"#
            )
        }
    }
}

/// Writes the list of all films, the lowest Dice score first.
pub(super) fn write_films(out: &mut String, films: &[Scored], measures: &[Measure]) -> fmt::Result {
    out.write_str(
        r#"<div class="scroll"><table class="films"><thead><tr><th scope="col">Film</th>"#,
    )?;
    out.write_str(r#"<th scope="col">Source</th><th scope="col">Reference</th>"#)?;
    for measure in measures {
        write!(
            out,
            r#"<th scope="col" class="number">{}</th>"#,
            measure.name()
        )?;
    }
    out.write_str("</tr></thead><tbody>")?;
    let mut ascending: Vec<&Scored> = films.iter().collect();
    ascending.sort_by(|a, b| {
        a.measures
            .overlap
            .dice()
            .total_cmp(&b.measures.overlap.dice())
    });
    for film in ascending {
        write_film(out, film, measures)?;
    }
    out.write_str("</tbody></table></div>\n")
}

fn write_film(out: &mut String, film: &Scored, measures: &[Measure]) -> fmt::Result {
    let reference = if film.doubtful { "doubtful" } else { "" };
    let (case, source) = (Text(&film.case), Text(&film.source));
    write!(
        out,
        r#"<tr><th scope="row">{case}</th><td>{source}</td><td>{reference}</td>"#
    )?;
    for measure in measures {
        let places = measure.places();
        let value = measure.of(&film.measures);
        let value = value.map_or_else(|| "–".to_owned(), |value| format!("{value:.places$}"));
        write!(out, r#"<td class="number">{value}</td>"#)?;
    }
    out.write_str("</tr>")
}
