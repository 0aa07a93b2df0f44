//! Writes the lungs' areas as a structured report, by the standard's template for imaging measurements (TID 1500).

use dicom_dictionary_std::tags;

use super::attributes::{Attributes, Code};
use super::content::{Item, Relation, container};
use super::{Draft, LUNG, MANUFACTURER, lung_label};
use lungfield_radiograph::lungs::Lung;

/// The number of the series, after that of captures.
const SERIES: u16 = 9_003;

const MM2: Code = Code::of("UCUM", "mm2", "square millimeter");
const PIXELS: Code = Code::of("UCUM", "{pixels}", "pixels");

/// Writes the report.
pub(super) fn report(draft: &Draft<'_>) -> Attributes {
    let evidence = Attributes::new()
        .text(tags::STUDY_INSTANCE_UID, draft.origin.study())
        .item(
            tags::REFERENCED_SERIES_SEQUENCE,
            Attributes::new()
                .text(tags::SERIES_INSTANCE_UID, draft.origin.series())
                .item(tags::REFERENCED_SOP_SEQUENCE, draft.origin.reference()),
        );
    let document = draft
        .base("SR", SERIES)
        .items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, [])
        .items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, [])
        .text(tags::COMPLETION_FLAG, "COMPLETE")
        .text(tags::VERIFICATION_FLAG, "UNVERIFIED")
        .item(
            tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
            evidence,
        )
        .text(tags::VALUE_TYPE, "CONTAINER")
        .code(
            tags::CONCEPT_NAME_CODE_SEQUENCE,
            Code::dcm("126000", "Imaging Measurement Report"),
        );
    let procedure = Item(
        Relation::HasModifier,
        Code::dcm("121058", "Procedure reported"),
    );
    let measured = Item(
        Relation::Contains,
        Code::dcm("126010", "Imaging Measurements"),
    );
    let mut groups: Vec<_> = draft
        .subject
        .lungs
        .iter()
        .map(|lung| group(draft, lung))
        .collect();
    if groups.is_empty() {
        // The list must not be empty, and readers expect it.
        let comment = Item(Relation::Contains, Code::dcm("121106", "Comment"));
        groups.push(comment.text("No lung was found"));
    }
    let items = [language()].into_iter().chain(observer(draft)).chain([
        procedure.code(Code::sct("399208008", "Plain chest X-ray")),
        measured.container(None, groups),
    ]);
    container(document, Some("1500"), items)
}

fn language() -> Attributes {
    let language = Item(
        Relation::HasModifier,
        Code::dcm("121049", "Language of Content Item and Descendants"),
    );
    language.code(Code::of("RFC5646", "en-GB", "English (United Kingdom)"))
}

/// Writes who measured (TID 1002 and TID 1004): a device.
fn observer(draft: &Draft<'_>) -> [Attributes; 6] {
    let item = |value, meaning| Item(Relation::HasContext, Code::dcm(value, meaning));
    let model = &draft.provenance.model;
    [
        item("121005", "Observer Type").code(Code::dcm("121007", "Device")),
        item("121012", "Device Observer UID").uid(super::IMPLEMENTATION_UID),
        item("121013", "Device Observer Name").text(&format!("{} {}", model.name, model.version)),
        item("121014", "Device Observer Manufacturer").text(MANUFACTURER),
        item("121015", "Device Observer Model Name").text(&model.name),
        item("121016", "Device Observer Serial Number").text(&model.weights_sha256),
    ]
}

/// Writes a lung's area (TID 1501), in square millimetres where the film's spacing is known, else in pixels.
fn group(draft: &Draft<'_>, lung: &Lung) -> Attributes {
    let (label, side) = lung_label(lung.side());
    let site = Item(
        Relation::HasModifier,
        Code::sct("363698007", "Finding Site"),
    )
    .code(LUNG);
    let laterality = Item(Relation::HasModifier, Code::sct("272741003", "Laterality")).code(side);
    let (area, unit) = draft
        .subject
        .spacing
        .map_or((lung.area_px() as f64, PIXELS), |spacing| {
            (lung.area_mm2(spacing), MM2)
        });
    let source = Item(Relation::Contains, Code::sct("260753009", "Source"));
    let items = [
        Item(
            Relation::HasContext,
            Code::dcm("112039", "Tracking Identifier"),
        )
        .text(label),
        Item(
            Relation::HasContext,
            Code::dcm("112040", "Tracking Unique Identifier"),
        )
        .uid(&draft.namer.uid(label)),
        Item(Relation::Contains, Code::dcm("121071", "Finding")).code(LUNG),
        site.item(tags::CONTENT_SEQUENCE, laterality),
        source.image(draft.origin.reference()),
        Item(Relation::Contains, Code::sct("42798000", "Area")).number(area, unit),
    ];
    Item(Relation::Contains, Code::dcm("125007", "Measurement Group"))
        .container(Some("1501"), items)
}
