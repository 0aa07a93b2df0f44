//! Tests of the DICOM objects that are written: segmentations, captures and reports.

use dicom_dictionary_std::{tags, uids};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::lungs::{Lungs, Side};
use lungfield_radiograph::mask::Mask;
use serde_json::json;

use super::{post_film, read_object, some_film};
use crate::dicom_films::{Object, Read, SERIES, STUDY};
use crate::samples::{Picture, SIDE, lungs, mask, some_lungs};
use crate::server::Server;

#[test]
fn a_segmentation_has_a_segment_for_each_lung_and_is_the_mask_pixel_for_pixel() {
    let server = Server::echo();
    // Neither the rows nor the frames of this size are whole bytes.
    let film = Object::showing(&lungs(Size::new(SIDE - 1, 47).unwrap(), 3)).file();
    let mask = Picture::read(&post_film(&server, "format=png", &film).body).mask();
    let segmentation = read_object(&server, "format=dicom-seg", &film);
    assert_eq!(segmentation.labels(), ["Right lung", "Left lung"]);
    assert_eq!(segmentation.number(tags::NUMBER_OF_FRAMES), 2);
    let own = Lungs::of(&mask);
    for (frame, side) in [Side::Right, Side::Left].into_iter().enumerate() {
        assert_eq!(segmentation.frame(frame), own.lung_mask(side));
    }
    assert_eq!(
        segmentation.text(tags::SOP_CLASS_UID),
        uids::SEGMENTATION_STORAGE
    );
    assert_eq!(segmentation.text(tags::SEGMENTATION_TYPE), "BINARY");
    assert!(
        !segmentation.has(tags::FRAME_OF_REFERENCE_UID),
        "a radiograph has no frame of reference"
    );
}

#[test]
fn an_object_belongs_to_the_films_patient_and_study_and_to_a_series_of_its_own() {
    let server = Server::echo();
    // A name in Latin-1, which is not valid UTF-8. Its bytes must be copied unchanged.
    let film = Object::showing(&some_lungs()).with(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 100");
    let film = film
        .with(tags::PATIENT_NAME, "M\u{fc}ller^J\u{f6}rg")
        .file();
    for format in ["dicom-seg", "dicom-sc", "dicom-sr"] {
        let object = read_object(&server, &format!("format={format}"), &film);
        assert_eq!(object.text(tags::STUDY_INSTANCE_UID), STUDY);
        assert_ne!(object.text(tags::SERIES_INSTANCE_UID), SERIES);
        assert_eq!(
            object.text(tags::PATIENT_NAME),
            "M\u{fc}ller^J\u{f6}rg",
            "{format}"
        );
        assert_eq!(object.text(tags::PATIENT_ID), "P-1");
        assert_eq!(object.text(tags::STUDY_DATE), "20260102");
        assert_eq!(
            object.text(tags::PATIENT_BIRTH_DATE),
            "",
            "an attribute that the film lacks is empty"
        );
        assert_eq!(object.text(tags::MANUFACTURER_MODEL_NAME), "a-fake");
    }
    let segmentation = read_object(&server, "format=dicom-seg", &film);
    let series = &segmentation.items(tags::REFERENCED_SERIES_SEQUENCE)[0];
    assert_eq!(
        series
            .element(tags::SERIES_INSTANCE_UID)
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches('\0'),
        SERIES
    );
}

#[test]
fn uids_are_new_each_time_or_the_same_where_that_is_asked_for() {
    let server = Server::echo();
    let uids = |query: &str| {
        let object = read_object(&server, query, &some_film());
        [tags::SOP_INSTANCE_UID, tags::SERIES_INSTANCE_UID].map(|tag| object.text(tag))
    };
    assert_ne!(uids("format=dicom-seg"), uids("format=dicom-seg"));
    let derived = "format=dicom-seg&uids=derived";
    assert_eq!(uids(derived), uids(derived));
    let others = [
        "format=dicom-sc&uids=derived",
        "format=dicom-seg&uids=derived&threshold=0.4",
    ];
    for other in others {
        assert_ne!(uids(derived), uids(other));
    }
    for uid in uids(derived) {
        assert!(uid.starts_with("2.25.") && uid.len() <= 64, "{uid}");
    }
}

#[test]
fn a_fractional_segmentation_has_the_probabilities_on_the_side_of_each_lung() {
    let server = Server::echo();
    let segmentation = read_object(
        &server,
        "format=dicom-seg&segmentation=fractional",
        &some_film(),
    );
    assert_eq!(segmentation.text(tags::SEGMENTATION_TYPE), "FRACTIONAL");
    assert_eq!(segmentation.number(tags::MAXIMUM_FRACTIONAL_VALUE), 255);
    let frames = segmentation.bytes(tags::PIXEL_DATA);
    let own = Lungs::of(&some_lungs());
    for (frame, side) in frames
        .chunks_exact((SIDE * SIDE) as usize)
        .zip([Side::Right, Side::Left])
    {
        let lung = own.lung_mask(side);
        assert!(
            frame
                .iter()
                .zip(lung.pixels())
                .all(|(&share, lung)| if lung { share > 127 } else { share < 128 })
        );
    }
}

#[test]
fn a_lung_that_is_absent_has_no_segment() {
    let server = Server::echo();
    let one = |columns: std::ops::Range<u32>| {
        Object::showing(&mask(some_lungs().size(), |x, y| {
            columns.contains(&x) && (18..46).contains(&y)
        }))
        .file()
    };
    for (columns, label) in [(18..30, "Right lung"), (34..46, "Left lung")] {
        let segmentation = read_object(&server, "format=dicom-seg", &one(columns));
        assert_eq!(segmentation.labels(), [label]);
        assert_eq!(segmentation.number(tags::NUMBER_OF_FRAMES), 1);
    }
    let none = Object::showing(&Mask::empty(some_lungs().size())).file();
    post_film(&server, "format=dicom-seg", &none).assert_problem(422, "nothing_to_segment");
    for format in ["dicom-sc", "dicom-sr", "json"] {
        assert_eq!(
            post_film(&server, &format!("format={format}"), &none).status,
            200,
            "{format}"
        );
    }
    let report = read_object(&server, "format=dicom-sr", &none);
    let measurements = report.items(tags::CONTENT_SEQUENCE).last().unwrap();
    let comment = measurements
        .element(tags::CONTENT_SEQUENCE)
        .unwrap()
        .items()
        .unwrap();
    assert_eq!(
        comment[0]
            .element(tags::TEXT_VALUE)
            .unwrap()
            .to_str()
            .unwrap(),
        "No lung was found"
    );
}

#[test]
fn lungs_that_touch_are_parted_and_warned_of() {
    let server = Server::echo();
    let bridged = mask(some_lungs().size(), |x, y| {
        some_lungs().row(y as usize).get(x as usize)
            || ((16..36).contains(&x) && (18..20).contains(&y))
    });
    let film = Object::showing(&bridged).file();
    let answer = post_film(&server, "", &film).segmented();
    let codes: Vec<_> = answer["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["code"].clone())
        .collect();
    assert!(codes.contains(&json!("touching_lungs")), "{codes:?}");
    let segmentation = read_object(&server, "format=dicom-seg", &film);
    let [right, left] = [0, 1].map(|frame| segmentation.frame(frame));
    assert_eq!(right.shared_px(&left), Some(0));
    assert_eq!(right.union(&left), Some(bridged));
}

#[test]
fn a_capture_is_the_overlay() {
    let server = Server::echo();
    let capture = read_object(&server, "format=dicom-sc", &some_film());
    let overlay = Picture::read(&post_film(&server, "format=overlay", &some_film()).body);
    assert_eq!(capture.bytes(tags::PIXEL_DATA), overlay.samples);
    assert_eq!(capture.text(tags::PHOTOMETRIC_INTERPRETATION), "RGB");
}

#[test]
fn areas_are_in_square_millimetres_where_the_spacing_is_known() {
    let server = Server::echo();
    let film = Object::showing(&some_lungs())
        .with(tags::IMAGER_PIXEL_SPACING, "0.2\\0.1")
        .file();
    let answer = post_film(&server, "", &film).segmented();
    assert_eq!(answer["image"]["pixel_spacing_mm"], json!([0.2, 0.1]));
    assert_eq!(
        answer["image"]["pixel_spacing_source"],
        "imager_pixel_spacing"
    );
    let area = answer["lungs"][0]["area_mm2"].as_f64().unwrap();
    assert!((area - 360.0 * 0.02).abs() < 1e-3, "{area}");
    let report = post_film(&server, "format=dicom-sr", &film);
    assert_eq!(
        Read::of(&report.body).text(tags::SOP_CLASS_UID),
        uids::COMPREHENSIVE_SR_STORAGE
    );
    let holds = |words: &str| {
        report
            .body
            .windows(words.len())
            .any(|window| window == words.as_bytes())
    };
    assert!(holds("square millimeter") && !holds("{pixels}"));
    assert!(holds("7.2 "), "the area has no trailing zeros");
    let absurd = Object::showing(&some_lungs())
        .with(tags::PIXEL_SPACING, "1E200\\1E200")
        .file();
    assert_eq!(
        post_film(&server, "", &absurd).segmented()["image"].get("pixel_spacing_mm"),
        None
    );
    assert_eq!(
        post_film(&server, "", &some_film()).segmented()["lungs"][0].get("area_mm2"),
        None
    );
}
