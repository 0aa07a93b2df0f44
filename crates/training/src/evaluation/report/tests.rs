//! Tests of the report: the page, and the files for programs.

use super::*;
use crate::evaluation::fixtures::scored;
use crate::evaluation::measure::Measure;
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::warnings::Warning;

/// A name that would break a page, a table or an attribute that did not escape it.
const HOSTILE: &str = "<a&\"b'>,\n";

fn report() -> Report {
    let mut films = vec![
        scored(HOSTILE, "montgomery", 10, 9),
        scored("second", "montgomery", 10, 10),
        scored("third", HOSTILE, 10, 5),
        scored("without-lung", "shenzhen", 5, 0),
    ];
    films[2].doubtful = true;
    let thumbnail = |film: &ScoredCase| Thumbnail {
        case: film.case.clone(),
        source: film.source.clone(),
        dice: film.dice(),
        doubtful: film.doubtful,
        png: vec![0x89, b'P', b'N', b'G'],
    };
    let model = ModelFacts {
        name: "lungfield-segnet".to_owned(),
        version: "1.0.0".to_owned(),
        weights_sha256: "ab".repeat(32),
        license: "CC-BY-NC-SA-4.0".to_owned(),
        network_width: 16,
        network: "SegNet, 16 channels in its first block".to_owned(),
        side: 256,
        flip_averaging: false,
        threshold: Threshold::HALF,
        precision: "bf16".to_owned(),
        device: "cpu".to_owned(),
    };
    let data = DataFacts {
        folders: vec![HOSTILE.to_owned(), "other".to_owned()],
        split: "test".to_owned(),
        date: "2026-05-17".to_owned(),
        without_reference: 3,
        training_included: false,
    };
    Report {
        model,
        data,
        best: vec![thumbnail(&films[1])],
        worst: vec![thumbnail(&films[2])],
        films,
    }
}

fn page_of(report: &Report) -> String {
    page::render(report, &Summary::of(&report.films))
}

/// Closes the elements of a page that HTML does not close, so that it can be parsed as XML.
fn as_xml(page: &str) -> String {
    let mut xml = page.to_owned();
    for void in ["<meta ", "<img "] {
        let mut from = 0;
        while let Some(start) = xml[from..].find(void) {
            let end = from + start + xml[from + start..].find('>').unwrap();
            xml.insert(end, '/');
            from = end;
        }
    }
    xml
}

/// Parses a page as XML, so that a tag that is not closed or a text that is not escaped is an error.
fn parsed(page: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..roxmltree::ParsingOptions::default()
    };
    roxmltree::Document::parse_with_options(page, options)
        .unwrap_or_else(|error| panic!("{error}\n{page}"))
}

fn texts<'a>(document: &'a roxmltree::Document<'_>, tag: &str, class: Option<&str>) -> Vec<String> {
    let nodes = document.descendants().filter(|node| node.has_tag_name(tag));
    let chosen = nodes.filter(|node| class.is_none() || node.attribute("class") == class);
    let text = |node: roxmltree::Node<'a, '_>| {
        node.descendants()
            .filter_map(|inner| inner.is_text().then(|| inner.text())?)
            .collect()
    };
    chosen.map(text).collect()
}

#[test]
fn a_page_is_well_formed_and_names_are_shown_as_they_are() {
    let page = as_xml(&page_of(&report()));
    let document = parsed(&page);
    let rows = texts(&document, "th", None);
    assert_eq!(
        rows.iter().filter(|text| *text == HOSTILE).count(),
        4 + 1,
        "a source in four tables and a film"
    );
    let pictures = document
        .descendants()
        .filter(|node| node.has_tag_name("img"));
    let sources: Vec<_> = pictures
        .map(|image| image.attribute("src").unwrap())
        .collect();
    assert_eq!(sources, ["data:image/png;base64,iVBORw=="; 2]);
}

#[test]
fn a_page_needs_nothing_from_outside_and_no_script() {
    let page = page_of(&report());
    for foreign in ["http://", "https://", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn every_figure_is_named_and_described_and_no_id_is_used_twice() {
    let page = as_xml(&page_of(&report()));
    let document = parsed(&page);
    let mut ids: Vec<_> = document
        .descendants()
        .filter_map(|node| node.attribute("id"))
        .collect();
    let figures: Vec<_> = document
        .descendants()
        .filter(|node| node.attribute("role") == Some("img"))
        .collect();
    assert_eq!(figures.len(), 4);
    for figure in figures {
        let labels = figure.attribute("aria-labelledby").unwrap();
        assert!(
            labels.split(' ').all(|label| ids.contains(&label)),
            "{labels}"
        );
        assert!(
            figure
                .children()
                .filter(|node| node.has_tag_name("desc"))
                .all(|desc| desc.text().is_some())
        );
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn the_articles_row_stands_below_ours() {
    let page = page_of(&report());
    let rows = texts(&parsed(&as_xml(&page)), "tr", Some("article"));
    assert_eq!(rows, ["article of 2016–0.962––0.9260.9740.008"]);
}

#[test]
fn undefined_distances_are_counted_on_the_page() {
    let page = page_of(&report());
    assert_eq!(
        page.matches("1 film is left out").count(),
        2,
        "for both distances"
    );
}

#[test]
fn training_films_are_warned_of_and_only_they() {
    let mut report = report();
    assert!(!page_of(&report).contains("role=\"note\""));
    report.data.training_included = true;
    assert!(page_of(&report).contains("Films of the training split are included."));
}

#[test]
fn a_report_without_films_is_a_page_that_says_so() {
    let empty = Report {
        films: Vec::new(),
        best: Vec::new(),
        worst: Vec::new(),
        ..report()
    };
    let page = page_of(&empty);
    parsed(&as_xml(&page));
    assert!(page.contains("No film was scored."));
}

#[test]
fn the_numbers_for_programs_are_those_of_the_page() {
    let mut report = report();
    report.films[0].warnings = vec![Warning::OneLung];
    let summary = Summary::of(&report.films);
    let bytes = json::encode(&report, &summary).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(json["model"]["threshold"], 0.5);
    assert_eq!(json["films"].as_array().unwrap().len(), 4);
    assert_eq!(json["films"][0]["case"], HOSTILE);
    assert_eq!(
        (&json["films"][0]["warnings"], &json["films"][1]["warnings"]),
        (&serde_json::json!(["one_lung"]), &serde_json::json!([]))
    );
    assert_eq!(
        json["warnings"],
        serde_json::json!({"films_with_warnings": 1, "films_by_code": {"one_lung": 1}})
    );
    assert!(page_of(&report).contains("1 of 4: one_lung 1"));
    assert_eq!(
        json["films"][3]["measures"]["hausdorff_95_px"],
        serde_json::Value::Null
    );
    let groups = json["groups"].as_array().unwrap();
    let names: Vec<_> = groups
        .iter()
        .map(|group| group["group"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["source", "source", "source", "all", "all_but_doubtful"]
    );
    let all = &groups[3];
    let mean = summary
        .all()
        .unwrap()
        .statistics(Measure::Dice)
        .unwrap()
        .mean;
    assert!(
        (all["measures"]["dice"]["statistics"]["mean"]
            .as_f64()
            .unwrap()
            - mean)
            .abs()
            < 1e-12
    );
    assert_eq!(all["measures"]["surface_distance_px"]["undefined"], 1);
    assert_eq!(
        all["dice_by_threshold"].as_array().unwrap().len(),
        json["thresholds"].as_array().unwrap().len()
    );
    assert_eq!(json["thresholds"][2], 0.15);
    assert_eq!(all["calibration"]["bins"].as_array().unwrap().len(), 10);
    assert_eq!(
        (&json["best"][0]["case"], &json["worst"][0]["case"]),
        (&"second".into(), &"third".into())
    );
}

#[test]
fn three_files_appear_and_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("new").join("report");
    for _ in 0..2 {
        write(&report(), &inner).unwrap();
    }
    let mut names: Vec<_> = fs_err::read_dir(&inner)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [CASES, PAGE, DATA].map(str::to_owned));
    assert!(
        fs_err::read_to_string(inner.join(PAGE))
            .unwrap()
            .ends_with("</html>\n")
    );
}
