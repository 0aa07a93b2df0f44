//! Decides what a reader sees first, and what follows: the answer, the article's table, figures, pictures, and then
//! everything else.

use std::fmt::{self, Display, Write};

use base64::display::Base64Display;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};

use super::super::measure::{Measure, Scored};
use super::super::statistics::{RESAMPLES, Statistics};
use super::super::summary::Summary;
use super::super::warned::Warned;
use super::figure::{Entry, Figure, Sample, figures, source_class};
use super::html::{counted, listed, rendered};
use super::picture::Picture;
use super::svg::{ARROW, DOT, shape};
use super::tables::{write_films, write_measure};
use super::{CASES, DATA, Report};
use crate::drawing::Text;

const STYLE: &str = include_str!("style.css");

/// The page, whole. It is well-formed XML too, so that tools can read it.
pub(super) fn page(report: &Report, summary: &Summary) -> String {
    rendered(|out| {
        write_head(out, report)?;
        out.write_str("<body><main>\n")?;
        write_opening(out, report, summary)?;
        write_tiles(out, report, summary)?;
        out.write_str("<section><h2>Dice</h2>")?;
        write_measure(out, summary, Measure::Dice)?;
        write_about_dice(out)?;
        out.write_str("</section>\n")?;
        write_figures(
            out,
            &figures(&report.films, summary, report.model.threshold),
        )?;
        write_pictures(out, report)?;
        write_other_measures(out, report, summary)?;
        write_facts(out, report)?;
        write_all_films(out, report, summary)?;
        out.write_str("</main></body></html>\n")
    })
}

fn write_head(out: &mut String, report: &Report) -> fmt::Result {
    let title = Text(format_args!(
        "{} {}: evaluation",
        report.model.name, report.model.version
    ));
    out.write_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n")?;
    out.write_str(r#"<meta name="viewport" content="width=device-width, initial-scale=1"/>"#)?;
    out.write_str(r#"<meta name="color-scheme" content="light dark"/>"#)?;
    writeln!(out, "\n<title>{title}</title><style>{STYLE}</style></head>")
}

fn write_opening(out: &mut String, report: &Report, summary: &Summary) -> fmt::Result {
    let (model, data) = (&report.model, &report.data);
    let sources: Vec<&str> = summary.sources().map(|(name, _)| name).collect();
    out.write_str(r#"<header><p class="kicker">Lungfield evaluation</p>"#)?;
    write!(
        out,
        "<h1>{} {}</h1>",
        Text(&model.name),
        Text(&model.version)
    )?;
    let films = counted(report.films.len(), "film");
    write!(out, r#"<p class="lead">Lung fields of {films}"#)?;
    if !sources.is_empty() {
        write!(out, " of {}", Text(listed(&sources)))?;
    }
    write!(
        out,
        " (split: {}), scored on {}",
        Text(&data.split),
        Text(&data.date)
    )?;
    out.write_str(" against reference masks, on the films’ own pixel grids.</p></header>\n")?;
    if data.training_included {
        out.write_str(
            "<p class=\"warning\" role=\"note\"><strong>Films of the training split are included.</strong> The model has \
             learnt from them, so these scores say less of new films than they seem to.</p>\n",
        )?;
    }
    Ok(())
}

/// The numbers that answer the question, before any table.
fn write_tiles(out: &mut String, report: &Report, summary: &Summary) -> fmt::Result {
    let Some(all) = summary.all() else {
        return out.write_str("<p class=\"warning\">No film was scored.</p>\n");
    };
    let statistics = |measure: Measure| all.statistics(measure);
    out.write_str("<dl class=\"tiles\">")?;
    if let Some(Statistics { mean, interval, .. }) = statistics(Measure::Dice) {
        let range = format!("95 %: {:.4} – {:.4}", interval.lower, interval.upper);
        write_tile(out, "Mean Dice", format_args!("{mean:.4}"), range)?;
    }
    let dice = |film: &Scored| film.measures.overlap.dice();
    if let Some(lowest) = report
        .films
        .iter()
        .min_by(|a, b| dice(a).total_cmp(&dice(b)))
    {
        let film = format!("{}, {}", lowest.case, lowest.source);
        write_tile(
            out,
            "Lowest Dice",
            format_args!("{:.4}", dice(lowest)),
            film,
        )?;
    }
    if let Some(Statistics { mean, median, .. }) = statistics(Measure::Hausdorff95) {
        let about = format!("mean; median {median:.2} px");
        write_tile(
            out,
            "95 % Hausdorff distance",
            format_args!("{mean:.2} px"),
            about,
        )?;
    }
    if let Some(Statistics { mean, median, .. }) = statistics(Measure::SurfaceDistance) {
        let about = format!("mean; median {median:.2} px");
        write_tile(out, "Surface distance", format_args!("{mean:.2} px"), about)?;
    }
    out.write_str("</dl>\n")
}

fn write_tile(
    out: &mut String,
    name: &str,
    value: impl Display,
    about: impl Display,
) -> fmt::Result {
    let about = Text(about);
    write!(
        out,
        "<div><dt>{name}</dt><dd><strong>{value}</strong><span>{about}</span></dd></div>"
    )
}

fn write_about_dice(out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<p class=\"note\">Intervals are those of the mean, by a percentile bootstrap over films ({RESAMPLES} resamples, \
         drawn within each source). SD is the standard deviation of a sample. The article, “Experimenting with Deep \
         Neural Networks for X-Ray Image Segmentation”, scored its network on other films than these, so its row is a \
         yardstick and not a contest.</p>"
    )
}

fn write_figures(out: &mut String, figures: &[Figure]) -> fmt::Result {
    if figures.is_empty() {
        return Ok(());
    }
    out.write_str("<section><h2>Figures</h2><div class=\"figures\">\n")?;
    for Figure {
        title,
        svg,
        legend,
        sentence,
    } in figures
    {
        let sentence = Text(sentence);
        write!(out, "<figure><h3>{title}</h3>{svg}<figcaption>")?;
        write_legend(out, legend)?;
        writeln!(out, "<p>{sentence}</p></figcaption></figure>")?;
    }
    out.write_str("</div></section>\n")
}

fn write_legend(out: &mut String, legend: &[Entry]) -> fmt::Result {
    out.write_str(r#"<ul class="legend">"#)?;
    for Entry { sample, name } in legend {
        write!(
            out,
            r#"<li><svg class="sample" viewBox="0 0 30 12" aria-hidden="true">{}</svg>{}</li>"#,
            drawn(*sample),
            Text(name)
        )?;
    }
    out.write_str("</ul>")
}

/// What stands beside a name in a legend, 30 wide and 12 high.
fn drawn(sample: Sample) -> String {
    let line = |class: &str| format!(r#"<line x1="1" y1="6" x2="29" y2="6" class="{class}"/>"#);
    let mark = |shape: &str, class: &str| {
        format!(r#"<path transform="translate(15 6)" d="{shape}" class="{class}"/>"#)
    };
    match sample {
        Sample::Source(index) => {
            let class = source_class(index);
            line(&format!("curve {class}")) + &mark(shape(index), &format!("mark {class}"))
        }
        Sample::All => line("curve all"),
        Sample::Article => line("article"),
        Sample::Film => mark(DOT, "film s0"),
        Sample::Doubtful => mark(DOT, "doubtful s0"),
        Sample::Beyond => mark(ARROW, "film s0"),
    }
}

fn write_pictures(out: &mut String, report: &Report) -> fmt::Result {
    if report.best.is_empty() && report.worst.is_empty() {
        return Ok(());
    }
    out.write_str("<section class=\"shown\"><h2>Best and worst films</h2>")?;
    out.write_str("<p>The model’s mask in red; the outline of the reference mask in white.</p>\n")?;
    for (name, pictures) in [
        ("Highest Dice", &report.best),
        ("Lowest Dice", &report.worst),
    ] {
        if !pictures.is_empty() {
            write!(out, "<h3>{name}</h3><div class=\"pictures\">")?;
            pictures
                .iter()
                .try_for_each(|picture| write_picture(out, picture))?;
            out.write_str("</div>\n")?;
        }
    }
    out.write_str("</section>\n")
}

fn write_picture(out: &mut String, picture: &Picture) -> fmt::Result {
    let Picture {
        case,
        source,
        dice,
        doubtful,
        png,
    } = picture;
    let (case, source) = (Text(case), Text(source));
    let png: Base64Display<'_, '_, GeneralPurpose> = Base64Display::new(png, &STANDARD);
    let doubt = if *doubtful {
        " · doubtful reference"
    } else {
        ""
    };
    write!(
        out,
        r#"<figure><img alt="Film {case}: mask in red, outline of the reference mask in white" src="data:image/png;base64,{png}"/>"#
    )?;
    write!(
        out,
        "<figcaption><strong>{dice:.4}</strong> {case}<span>{source}{doubt}</span></figcaption></figure>"
    )
}

fn write_other_measures(out: &mut String, report: &Report, summary: &Summary) -> fmt::Result {
    out.write_str("<section><h2>Other measures</h2>\n")?;
    for measure in summary
        .measures()
        .filter(|measure| *measure != Measure::Dice)
    {
        write_measure(out, summary, measure)?;
    }
    let longest = report
        .films
        .iter()
        .map(|film| film.measures.size)
        .map(|size| size.width().max(size.height()));
    let (least, most) = longest.fold((u32::MAX, 0), |(least, most), side| {
        (least.min(side), most.max(side))
    });
    let sides = if least < most {
        format!("from {least} to {most}")
    } else {
        most.to_string()
    };
    writeln!(
        out,
        "<p class=\"note\">Distances run between the masks’ borders (pixels with one of four neighbours outside), in pixels \
         of the film’s own grid, and in millimetres of the film where its file states the spacing; the films’ longer \
         sides are {sides} pixels. Hausdorff 95 %: the larger of the two directed 95th percentiles. Surface \
         distance: the mean of all directed distances of both borders.</p></section>"
    )
}

fn write_facts(out: &mut String, report: &Report) -> fmt::Result {
    let model = &report.model;
    out.write_str("<section class=\"facts\"><h2>Model and data</h2><dl>")?;
    write_fact(
        out,
        "Model",
        format_args!("{} {}", model.name, model.version),
    )?;
    write_fact(out, "Weights (sha256)", &model.weights_sha256)?;
    write_fact(out, "Licence of the weights", &model.license)?;
    write_fact(
        out,
        "Network",
        format_args!(
            "SegNet, {} channels in its first block",
            model.network_width
        ),
    )?;
    write_fact(
        out,
        "Model grid",
        format_args!("{0} × {0} pixels", model.side),
    )?;
    write_fact(
        out,
        "Averaged with the mirror image",
        if model.flip_averaging { "yes" } else { "no" },
    )?;
    write_fact(out, "Threshold", model.threshold.get())?;
    write_fact(
        out,
        "Run on",
        format_args!("{}, {}", model.device, model.precision),
    )?;
    write_data_facts(out, report)?;
    out.write_str("</dl>")?;
    writeln!(
        out,
        "<p class=\"note\">The same numbers for programs: <code>{CASES}</code> (a line for each film) and <code>{DATA}</code> \
         (everything). The pictures show films of the data sets: share this page on their terms. Lungfield is not a \
         medical device.</p></section>"
    )
}

fn write_data_facts(out: &mut String, report: &Report) -> fmt::Result {
    let data = &report.data;
    let folders: Vec<&str> = data.folders.iter().map(String::as_str).collect();
    write_fact(out, "Data sets", listed(&folders))?;
    let doubtful = report.films.iter().filter(|film| film.doubtful).count();
    write_fact(out, "Films", report.films.len())?;
    write_fact(out, "Doubtful reference masks", doubtful)?;
    write_fact(
        out,
        "Films that a server would warn of",
        Warned::of(&report.films),
    )?;
    write_fact(out, "Films without one, left out", data.without_reference)?;
    write_fact(out, "Split", &data.split)?;
    write_fact(
        out,
        "Films of the training split",
        if data.training_included {
            "included"
        } else {
            "none"
        },
    )?;
    write_fact(out, "Evaluated on", &data.date)
}

fn write_fact(out: &mut String, name: &str, value: impl Display) -> fmt::Result {
    write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", Text(value))
}

fn write_all_films(out: &mut String, report: &Report, summary: &Summary) -> fmt::Result {
    out.write_str("<details><summary>All films, the lowest Dice first</summary>\n")?;
    write_films(out, &report.films, &summary.measures().collect::<Vec<_>>())?;
    out.write_str("</details>\n")
}
