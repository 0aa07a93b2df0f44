//! The tables of the page: one for each measure, and the list of all films.

use maud::{Markup, html};

use super::super::words::counted;
use crate::evaluation::measure::{Measure, ScoredCase};
use crate::evaluation::statistics::Statistics;
use crate::evaluation::summary::{ARTICLE, Group, Row, Summary};

/// The columns of a measure's table after the first, which names the measure.
const COLUMNS: [&str; 7] = [
    "Films",
    "Mean",
    "95 % interval",
    "Median",
    "Min",
    "Max",
    "SD",
];

/// Renders the table of a measure: a row for each source, a row for all films, and below Dice the row of the article.
pub(super) fn measure_table(summary: &Summary, measure: Measure) -> Markup {
    html! {
        div.scroll {
            table.measure {
                thead {
                    tr {
                        th scope="col" { (measure.name()) }
                        @for column in COLUMNS { th.number scope="col" { (column) } }
                    }
                }
                tbody {
                    @for row in &summary.rows { (measure_row(row, measure)) }
                    @if measure == Measure::Dice { (article_row()) }
                }
            }
        }
        (undefined_note(summary, measure))
    }
}

fn measure_row(row: &Row, measure: Measure) -> Markup {
    let is_source = matches!(row.group, Group::Source(_));
    html! {
        tr.together[!is_source] {
            th scope="row" { (maud::display(&row.group)) }
            @match row.statistics(measure) {
                Some(statistics) => (statistics_cells(statistics, measure.places())),
                None => {
                    td.number { "0" }
                    td colspan="6" { "undefined on every film" }
                }
            }
        }
    }
}

fn statistics_cells(statistics: &Statistics, places: usize) -> Markup {
    let number = |value: f64| format!("{value:.places$}");
    let interval = &statistics.interval;
    html! {
        td.number { (statistics.count) }
        td.number.strong { (number(statistics.mean)) }
        td.number { (number(interval.lower)) " – " (number(interval.upper)) }
        td.number { (number(statistics.median)) }
        td.number { (number(statistics.minimum)) }
        td.number { (number(statistics.maximum)) }
        td.number { (number(statistics.deviation)) }
    }
}

/// Renders the row of the article, which states three decimal places, no median, no interval and no number of films.
fn article_row() -> Markup {
    let unknown = "–".to_owned();
    let number = |value: f64| format!("{value:.3}");
    let cells = [
        unknown.clone(),
        number(ARTICLE.mean),
        unknown.clone(),
        unknown,
        number(ARTICLE.minimum),
        number(ARTICLE.maximum),
        number(ARTICLE.deviation),
    ];
    html! {
        tr.article {
            th scope="row" { "article of 2016" }
            @for cell in cells { td.number { (cell) } }
        }
    }
}

/// Renders a note about the films for which a measure is undefined, if there are any.
fn undefined_note(summary: &Summary, measure: Measure) -> Markup {
    let undefined = summary.all().map_or(0, |all| all.undefined(measure));
    if undefined == 0 {
        return html! {};
    }
    let verb = if undefined == 1 { "is" } else { "are" };
    html! {
        p.note {
            (counted(undefined, "film")) " " (verb) " left out: "
            @if measure.needs_spacing() { "its file states no pixel spacing, or " }
            "either the mask or its reference is empty, so that no distance is defined."
        }
    }
}

/// Renders the list of all films, the lowest Dice score first.
pub(super) fn film_table(films: &[ScoredCase], measures: &[Measure]) -> Markup {
    let mut ascending: Vec<&ScoredCase> = films.iter().collect();
    ascending.sort_by(|a, b| a.dice().total_cmp(&b.dice()));
    html! {
        div.scroll {
            table.films {
                thead {
                    tr {
                        @for column in ["Film", "Source", "Reference"] { th scope="col" { (column) } }
                        @for measure in measures { th.number scope="col" { (measure.name()) } }
                    }
                }
                tbody {
                    @for film in ascending { (film_row(film, measures)) }
                }
            }
        }
    }
}

fn film_row(film: &ScoredCase, measures: &[Measure]) -> Markup {
    let value = |measure: &Measure| {
        let places = measure.places();
        measure
            .of(&film.measures)
            .map_or_else(|| "–".to_owned(), |value| format!("{value:.places$}"))
    };
    html! {
        tr {
            th scope="row" { (film.case) }
            td { (film.source) }
            td { @if film.doubtful { "doubtful" } }
            @for measure in measures { td.number { (value(measure)) } }
        }
    }
}
