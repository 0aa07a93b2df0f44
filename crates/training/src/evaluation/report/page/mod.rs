//! The page of a report: the scores first, then tables, figures, pictures and facts.

mod sections;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::sections::{all_films, facts, figure_section, picture_section};
use self::tables::measure_table;
use super::Report;
use super::figures::figures;
use super::words::{counted, listed};
use crate::evaluation::measure::{Measure, ScoredCase};
use crate::evaluation::statistics::RESAMPLES;
use crate::evaluation::summary::{Row, Summary};
use crate::plot;

const STYLE: &str = include_str!("style.css");

/// Renders the whole page.
pub(super) fn render(report: &Report, summary: &Summary) -> String {
    let figures = figures(&report.films, summary, report.model.threshold);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(report))
            body {
                main {
                    (opening(report, summary))
                    (tiles(report, summary))
                    section {
                        h2 { "Dice" }
                        (measure_table(summary, Measure::Dice))
                        (about_dice())
                    }
                    (figure_section(&figures))
                    (picture_section(report))
                    (other_measures(report, summary))
                    (facts(report))
                    (all_films(report, summary))
                }
            }
        }
    };
    page.into_string() + "\n"
}

fn head(report: &Report) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (report.model.name) " " (report.model.version) ": evaluation" }
            style { (PreEscaped(plot::STYLE)) (PreEscaped(STYLE)) }
        }
    }
}

fn opening(report: &Report, summary: &Summary) -> Markup {
    let (model, data) = (&report.model, &report.data);
    let sources: Vec<&str> = summary.sources().map(|(name, _)| name).collect();
    html! {
        header {
            p.kicker { "Lungfield evaluation" }
            h1 { (model.name) " " (model.version) }
            p.lead {
                "Lung fields of " (counted(report.films.len(), "film"))
                @if !sources.is_empty() { " of " (listed(&sources)) }
                " (split: " (data.split) "), scored on " (data.date)
                " against reference masks, on the films’ own pixel grids."
            }
        }
        @if data.training_included {
            p.warning role="note" {
                strong { "Films of the training split are included." }
                " The model has learnt from them, so these scores say less about new films than they seem to."
            }
        }
    }
}

/// Renders the most important numbers.
fn tiles(report: &Report, summary: &Summary) -> Markup {
    let Some(all) = summary.all() else {
        return html! { p.warning { "No film was scored." } };
    };
    html! {
        dl.tiles {
            @if let Some(dice) = all.statistics(Measure::Dice) {
                @let range = format!("95 %: {:.4} – {:.4}", dice.interval.lower, dice.interval.upper);
                (tile("Mean Dice", &format!("{:.4}", dice.mean), &range))
            }
            @if let Some(lowest) = lowest(&report.films) {
                @let film = format!("{}, {}", lowest.case, lowest.source);
                (tile("Lowest Dice", &format!("{:.4}", lowest.dice()), &film))
            }
            (distance_tile("95 % Hausdorff distance", all, Measure::Hausdorff95))
            (distance_tile("Surface distance", all, Measure::SurfaceDistance))
        }
    }
}

fn lowest(films: &[ScoredCase]) -> Option<&ScoredCase> {
    films.iter().min_by(|a, b| a.dice().total_cmp(&b.dice()))
}

fn distance_tile(name: &str, all: &Row, measure: Measure) -> Markup {
    let Some(distance) = all.statistics(measure) else {
        return html! {};
    };
    let about = format!("mean; median {:.2} px", distance.median);
    tile(name, &format!("{:.2} px", distance.mean), &about)
}

fn tile(name: &str, value: &str, about: &str) -> Markup {
    html! {
        div {
            dt { (name) }
            dd {
                strong { (value) }
                span { (about) }
            }
        }
    }
}

fn about_dice() -> Markup {
    html! {
        p.note {
            "Intervals are those of the mean, by a percentile bootstrap over films (" (RESAMPLES) " resamples, drawn \
             within each source). SD is the standard deviation of a sample. The article, “Experimenting with Deep \
             Neural Networks for X-Ray Image Segmentation”, scored its network on other films than these, so its row \
             only gives an idea of what is usual."
        }
    }
}

fn other_measures(report: &Report, summary: &Summary) -> Markup {
    let others = summary
        .measures()
        .filter(|measure| *measure != Measure::Dice);
    html! {
        section {
            h2 { "Other measures" }
            @for measure in others { (measure_table(summary, measure)) }
            p.note {
                "Distances run between the masks’ borders (pixels with one of four neighbours outside), in pixels of \
                 the film’s own grid, and in millimetres of the film where its file states the spacing; the films’ \
                 longer sides are " (longer_sides(&report.films)) " pixels. Hausdorff 95 %: the larger of the two \
                 directed 95th percentiles. Surface distance: the mean of all directed distances of both borders."
            }
        }
    }
}

/// Returns the range of the longer sides of the films, in words.
fn longer_sides(films: &[ScoredCase]) -> String {
    let sides = films
        .iter()
        .map(|film| film.measures.size)
        .map(|size| size.width().max(size.height()));
    let (least, most) = sides.fold((u32::MAX, 0), |(least, most), side| {
        (least.min(side), most.max(side))
    });
    if least < most {
        format!("from {least} to {most}")
    } else {
        most.to_string()
    }
}
