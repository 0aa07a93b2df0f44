//! Decides what a film is answered that came as a DICOM object, and what is written about it into others.

use dicom_dictionary_std::{tags, uids};
use lungfield_engine::fake::{Behaviour, FakeSegmenter};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::lungs::{Lungs, Side};
use lungfield_radiograph::mask::Mask;
use serde_json::json;

use crate::client::Reply;
use crate::dicom_films::{Object, Read, SERIES, STUDY};
use crate::samples::{Picture, SIDE, film, film_of, lungs, mask, some_lungs};
use crate::server::{Server, Setup, budget};

const DICOM: &str = "application/dicom";

fn some_film() -> Vec<u8> {
    Object::showing(&some_lungs()).file()
}

fn ask(server: &Server, query: &str, film: &[u8]) -> Reply {
    server
        .post(&format!("/v1/segment?{query}"))
        .header("content-type", DICOM)
        .body(film)
        .send()
}

/// An object about a film.
#[track_caller]
fn written(server: &Server, query: &str, film: &[u8]) -> Read {
    let reply = ask(server, query, film);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some(DICOM)),
        "{reply:?}"
    );
    Read::of(&reply.body)
}

/// A body of several parts, each said to be of a type.
fn related(parts: &[(&str, &[u8])], boundary: &str) -> Vec<u8> {
    let mut body = b"what comes before the first part is passed over\r\n".to_vec();
    for (media, bytes) in parts {
        body.extend_from_slice(format!("--{boundary}\r\nContent-Type: {media}\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

const RELATED: &str = "multipart/related; type=\"application/dicom\"; boundary=\"in quotes\"";

fn ask_related(server: &Server, query: &str, films: &[&[u8]]) -> Reply {
    let parts: Vec<_> = films.iter().map(|film| (DICOM, *film)).collect();
    let call = server
        .post(&format!("/v1/segment?{query}"))
        .header("content-type", RELATED);
    call.body(related(&parts, "in quotes")).chunked().send()
}

/// The parts of a related answer.
#[track_caller]
fn parts(reply: &Reply, media: &str) -> Vec<Vec<u8>> {
    let kind = reply.header("content-type").unwrap_or_default();
    let boundary = kind.strip_prefix(&format!("multipart/related; type=\"{media}\"; boundary="));
    let boundary = format!(
        "--{}",
        boundary.unwrap_or_else(|| panic!("{kind}: {reply:?}"))
    );
    let place = |from: usize| {
        let found = reply.body[from..]
            .windows(boundary.len())
            .position(|window| window == boundary.as_bytes());
        from + found.unwrap()
    };
    let mut parts = Vec::new();
    let mut start = place(0) + boundary.len();
    while !reply.body[start..].starts_with(b"--") {
        let end = place(start);
        let part = &reply.body[start..end];
        let head = part
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        assert!(part.starts_with(format!("\r\nContent-Type: {media}\r\n").as_bytes()));
        assert!(
            part[..head]
                .windows(15)
                .any(|window| window == b"lungfield-model"),
            "each says what it is"
        );
        parts.push(part[head + 4..].strip_suffix(b"\r\n").unwrap().to_vec());
        start = end + boundary.len();
    }
    parts
}

#[test]
fn a_film_has_the_same_mask_however_it_comes() {
    let server = Server::echo();
    let (plain, inverted) = (
        some_film(),
        Object::showing(&some_lungs()).inverted().file(),
    );
    for film in [&plain, &inverted] {
        assert_eq!(ask(&server, "", film).mask(), some_lungs());
        assert_eq!(
            server.post("/v1/segment").body(film.clone()).send().mask(),
            some_lungs(),
            "by its bytes"
        );
        assert_eq!(
            server
                .post("/v1/segment")
                .form(&[("image", film)])
                .send()
                .mask(),
            some_lungs()
        );
        assert_eq!(
            Picture::read(&ask(&server, "format=png", film).body).mask(),
            some_lungs()
        );
    }
    let overlays = [plain, film()]
        .map(|film| Picture::read(&ask(&server, "format=overlay", &film).body).samples);
    assert_eq!(overlays[0], overlays[1]);
}

#[test]
fn a_segmentation_has_a_segment_for_each_lung_and_is_the_mask_pixel_for_pixel() {
    let server = Server::echo();
    // Neither a row nor a frame of this size ends with a byte.
    let film = Object::showing(&lungs(Size::new(SIDE - 1, 47).unwrap(), 3)).file();
    let mask = Picture::read(&ask(&server, "format=png", &film).body).mask();
    let segmentation = written(&server, "format=dicom-seg", &film);
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
        "a radiograph has none"
    );
}

#[test]
fn an_object_belongs_to_the_films_patient_and_study_and_to_a_series_of_its_own() {
    let server = Server::echo();
    // A name in Latin-1, which is not valid UTF-8, and whose bytes have to stay as they are.
    let film = Object::showing(&some_lungs()).with(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 100");
    let film = film
        .with(tags::PATIENT_NAME, "M\u{fc}ller^J\u{f6}rg")
        .file();
    for format in ["dicom-seg", "dicom-sc", "dicom-sr"] {
        let object = written(&server, &format!("format={format}"), &film);
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
            "what the film does not say is empty"
        );
        assert_eq!(object.text(tags::MANUFACTURER_MODEL_NAME), "a-fake");
    }
    let segmentation = written(&server, "format=dicom-seg", &film);
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
        let object = written(&server, query, &some_film());
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
    let segmentation = written(
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
        let segmentation = written(&server, "format=dicom-seg", &one(columns));
        assert_eq!(segmentation.labels(), [label]);
        assert_eq!(segmentation.number(tags::NUMBER_OF_FRAMES), 1);
    }
    let none = Object::showing(&Mask::empty(some_lungs().size())).file();
    ask(&server, "format=dicom-seg", &none).assert_problem(422, "nothing_to_segment");
    for format in ["dicom-sc", "dicom-sr", "json"] {
        assert_eq!(
            ask(&server, &format!("format={format}"), &none).status,
            200,
            "{format}"
        );
    }
    let report = written(&server, "format=dicom-sr", &none);
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
    let answer = ask(&server, "", &film).segmented();
    let codes: Vec<_> = answer["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["code"].clone())
        .collect();
    assert!(codes.contains(&json!("touching_lungs")), "{codes:?}");
    let segmentation = written(&server, "format=dicom-seg", &film);
    let [right, left] = [0, 1].map(|frame| segmentation.frame(frame));
    assert_eq!(right.shared_px(&left), Some(0));
    assert_eq!(right.union(&left), Some(bridged));
}

#[test]
fn a_capture_is_the_overlay() {
    let server = Server::echo();
    let capture = written(&server, "format=dicom-sc", &some_film());
    let overlay = Picture::read(&ask(&server, "format=overlay", &some_film()).body);
    assert_eq!(capture.bytes(tags::PIXEL_DATA), overlay.samples);
    assert_eq!(capture.text(tags::PHOTOMETRIC_INTERPRETATION), "RGB");
}

#[test]
fn areas_are_in_square_millimetres_where_the_spacing_is_known() {
    let server = Server::echo();
    let film = Object::showing(&some_lungs())
        .with(tags::IMAGER_PIXEL_SPACING, "0.2\\0.1")
        .file();
    let answer = ask(&server, "", &film).segmented();
    assert_eq!(answer["image"]["pixel_spacing_mm"], json!([0.2, 0.1]));
    assert_eq!(
        answer["image"]["pixel_spacing_source"],
        "imager_pixel_spacing"
    );
    let area = answer["lungs"][0]["area_mm2"].as_f64().unwrap();
    assert!((area - 360.0 * 0.02).abs() < 1e-3, "{area}");
    let report = ask(&server, "format=dicom-sr", &film);
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
    assert!(holds("7.2 "), "the area has no zeros after its last figure");
    let absurd = Object::showing(&some_lungs())
        .with(tags::PIXEL_SPACING, "1E200\\1E200")
        .file();
    assert_eq!(
        ask(&server, "", &absurd).segmented()["image"].get("pixel_spacing_mm"),
        None
    );
    assert_eq!(
        ask(&server, "", &some_film()).segmented()["lungs"][0].get("area_mm2"),
        None
    );
}

#[test]
fn a_segmentation_is_a_reference_mask() {
    let server = Server::echo();
    let film = some_film();
    let segmentation = ask(&server, "format=dicom-seg", &film).body;
    let call = server
        .post("/v1/segment")
        .form(&[("image", &film), ("ground_truth", &segmentation)]);
    assert_eq!(call.send().segmented()["dice"], 1.0);
    let other = film_of(&lungs(Size::square(SIDE).unwrap(), 4));
    let call = server
        .post("/v1/segment")
        .form(&[("image", &other), ("ground_truth", &segmentation)]);
    let by_segmentation = call.send().segmented()["dice"].clone();
    let call = server
        .post("/v1/segment")
        .form(&[("image", &other), ("ground_truth", &crate::samples::film())]);
    assert_eq!(by_segmentation, call.send().segmented()["dice"]);
}

#[test]
fn several_instances_are_answered_as_they_came() {
    let server = Server::echo();
    let masks = [0, 9, 18].map(|index| lungs(some_lungs().size(), index));
    let films = masks.each_ref().map(|mask| Object::showing(mask).file());
    let films = films.each_ref().map(Vec::as_slice);
    let reply = ask_related(&server, "format=dicom-seg", &films);
    assert_eq!(
        reply.header("content-length"),
        Some(reply.body.len().to_string().as_str())
    );
    let objects = parts(&reply, DICOM);
    assert_eq!(objects.len(), 3);
    for (object, mask) in objects.iter().zip(&masks) {
        let object = Read::of(object);
        assert_eq!(object.frame(0).union(&object.frame(1)).as_ref(), Some(mask));
    }
    let pictures = parts(
        &ask_related(&server, "format=png", &films[..1]),
        "image/png",
    );
    assert_eq!(Picture::read(&pictures[0]).mask(), masks[0]);
    let answers = ask_related(&server, "", &films).json();
    assert_eq!(answers["instances"].as_array().unwrap().len(), 3);
    assert_eq!(
        answers["instances"][1]["lungs"][0]["bounding_box"],
        json!([5, 5, 12, 30])
    );
}

#[test]
fn answers_to_one_body_are_no_more_than_may_be_held() {
    let film = some_film();
    let capture = ask(&Server::echo(), "format=dicom-sc", &film).body.len() as u64;
    let mut setup = Setup::default();
    // Random UIDs are of different lengths.
    setup.http.answer_budget = budget(2 * capture + 200);
    let server = Server::start(FakeSegmenter::new(Behaviour::Echo), &setup);
    let films = [film.as_slice(); 3];
    for _ in 0..2 {
        assert_eq!(
            parts(&ask_related(&server, "format=dicom-sc", &films[..2]), DICOM).len(),
            2
        );
    }
    let refused = ask_related(&server, "format=dicom-sc", &films);
    refused.assert_problem(413, "too_many_instances");
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .starts_with("instance 3 of 3: ")
    );
    assert_eq!(ask_related(&server, "format=dicom-sr", &films).status, 200);
}

#[test]
fn one_bad_instance_makes_the_answer_its_problem() {
    let server = Server::echo();
    let (good, bad) = (some_film(), Object::of(&[0; 16], 4, 4).file());
    let reply = ask_related(&server, "", &[&good, &bad, &good]);
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    reply.assert_problem(422, "image_too_small");
    assert!(detail.starts_with("instance 2 of 3: "), "{detail}");
    ask_related(&server, "", &[good.as_slice(); 9]).assert_problem(413, "too_many_instances");
    assert_eq!(ask_related(&server, "", &[good.as_slice(); 8]).status, 200);
    ask_related(&server, "", &[]).assert_problem(400, "empty_body");
    let text = related(&[("text/plain", b"a note")], "in quotes");
    let call = server
        .post("/v1/segment")
        .header("content-type", RELATED)
        .body(text);
    call.send().assert_problem(415, "unsupported_media_type");
    server.assert_still_serves();
}

#[test]
fn accept_may_ask_for_dicom() {
    let server = Server::echo();
    let ask = |accept| {
        server
            .post("/v1/segment")
            .header("accept", accept)
            .body(some_film())
            .send()
    };
    assert_eq!(Read::of(&ask(DICOM).body).labels().len(), 2);
    let related = parts(&ask("multipart/related; type=\"application/dicom\""), DICOM);
    assert_eq!(
        (related.len(), Read::of(&related[0]).labels().len()),
        (1, 2)
    );
}

#[test]
fn what_is_no_dicom_object_can_not_be_answered_with_one() {
    let server = Server::echo();
    for format in ["dicom-seg", "dicom-sc", "dicom-sr"] {
        let query = format!("format={format}");
        server
            .post(&format!("/v1/segment?{query}"))
            .body(film())
            .send()
            .assert_problem(422, "source_not_dicom");
        server
            .post(&format!("/v1/segment?{query}"))
            .body("text")
            .send()
            .assert_problem(415, "unrecognised_image");
        let unnamed = Object::showing(&some_lungs())
            .without(tags::STUDY_INSTANCE_UID)
            .file();
        ask(&server, &query, &unnamed).assert_problem(422, "undecodable_image");
    }
    assert!(
        server.passes.batch_sizes().is_empty(),
        "refused before it has cost a forward pass"
    );
}

#[test]
fn what_a_file_says_of_its_view_is_warned_of() {
    let server = Server::echo();
    for (tag, value, code) in [
        (tags::VIEW_POSITION, "LL", "lateral_view"),
        (
            tags::PRESENTATION_INTENT_TYPE,
            "FOR PROCESSING",
            "for_processing",
        ),
        (tags::MODALITY, "CT", "unexpected_modality"),
    ] {
        let film = Object::showing(&some_lungs()).with(tag, value).file();
        let reply = ask(&server, "format=png", &film);
        let warnings = reply.header("lungfield-warnings").unwrap_or_default();
        assert!(
            warnings.split(',').any(|warning| warning == code),
            "{warnings}"
        );
        let plain = ask(&server, "format=png", &some_film());
        assert!(
            !plain
                .header("lungfield-warnings")
                .unwrap_or_default()
                .contains(code)
        );
    }
}
