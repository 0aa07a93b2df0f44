//! The sections of the page after the tables: figures, pictures, facts, and the list of all films.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, Render, display, html};

use super::super::figures::Figure;
use super::super::thumbnail::Thumbnail;
use super::super::words::listed;
use super::super::{CASES, DATA, DataFacts, ModelFacts, Report};
use super::tables::film_table;
use crate::evaluation::measure::{Measure, ScoredCase};
use crate::evaluation::summary::Summary;
use crate::evaluation::warning_counts::WarningCounts;
use crate::plot::legend_list;

pub(super) fn figure_section(figures: &[Figure]) -> Markup {
    if figures.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Figures" }
            div.figures {
                @for figure in figures {
                    figure {
                        h3 { (figure.title) }
                        (figure.svg)
                        figcaption {
                            (legend_list(&figure.legend))
                            p { (figure.sentence) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn picture_section(report: &Report) -> Markup {
    if report.best.is_empty() && report.worst.is_empty() {
        return html! {};
    }
    html! {
        section.shown {
            h2 { "Best and worst films" }
            p { "The model’s mask in red; the outline of the reference mask in white." }
            (pictures("Highest Dice", &report.best))
            (pictures("Lowest Dice", &report.worst))
        }
    }
}

fn pictures(heading: &str, thumbnails: &[Thumbnail]) -> Markup {
    if thumbnails.is_empty() {
        return html! {};
    }
    html! {
        h3 { (heading) }
        div.pictures {
            @for thumbnail in thumbnails { (picture(thumbnail)) }
        }
    }
}

fn picture(thumbnail: &Thumbnail) -> Markup {
    let png = STANDARD.encode(&thumbnail.png);
    let case = &thumbnail.case;
    html! {
        figure {
            img alt={ "Film " (case) ": mask in red, outline of the reference mask in white" }
                src={ "data:image/png;base64," (png) };
            figcaption {
                strong { (format_args!("{:.4}", thumbnail.dice)) } " " (case)
                span {
                    (thumbnail.source)
                    @if thumbnail.doubtful { " · doubtful reference" }
                }
            }
        }
    }
}

pub(super) fn facts(report: &Report) -> Markup {
    html! {
        section.facts {
            h2 { "Model and data" }
            dl {
                (model_facts(&report.model))
                (data_facts(&report.data, &report.films))
            }
            p.note {
                "The same numbers for programs: " code { (CASES) } " (a line for each film) and " code { (DATA) }
                " (everything). The pictures show films of the data sets: share this page on their terms. Lungfield is \
                 not a medical device."
            }
        }
    }
}

fn model_facts(model: &ModelFacts) -> Markup {
    let averaged = if model.flip_averaging { "yes" } else { "no" };
    html! {
        (fact("Model", format_args!("{} {}", model.name, model.version)))
        (fact("Weights (sha256)", &model.weights_sha256))
        (fact("Licence of the weights", &model.license))
        (fact("Network", &model.network))
        (fact("Model grid", format_args!("{0} × {0} pixels", model.side)))
        (fact("Averaged with the mirror image", averaged))
        (fact("Threshold", model.threshold.get()))
        (fact("Run on", format_args!("{}, {}", model.device, model.precision)))
    }
}

fn data_facts(data: &DataFacts, films: &[ScoredCase]) -> Markup {
    let folders: Vec<&str> = data.folders.iter().map(String::as_str).collect();
    let doubtful = films.iter().filter(|film| film.doubtful).count();
    let training = if data.training_included {
        "included"
    } else {
        "none"
    };
    html! {
        (fact("Data sets", listed(&folders)))
        (fact("Films", films.len()))
        (fact("Doubtful reference masks", doubtful))
        (fact("Films with warnings", display(WarningCounts::of(films))))
        (fact("Films without a reference mask, left out", data.without_reference))
        (fact("Split", &data.split))
        (fact("Films of the training split", training))
        (fact("Evaluated on", &data.date))
    }
}

fn fact(name: &str, value: impl Render) -> Markup {
    html! {
        div {
            dt { (name) }
            dd { (value) }
        }
    }
}

pub(super) fn all_films(report: &Report, summary: &Summary) -> Markup {
    let measures: Vec<Measure> = summary.measures().collect();
    html! {
        details {
            summary { "All films, the lowest Dice first" }
            (film_table(&report.films, &measures))
        }
    }
}
