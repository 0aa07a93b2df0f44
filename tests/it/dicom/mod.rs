//! Tests of films that come as DICOM objects, and of the DICOM objects that are written about them.

mod objects;
mod related;

use dicom_dictionary_std::tags;
use lungfield_radiograph::geometry::Size;

use crate::client::Reply;
use crate::dicom_films::{Object, Read};
use crate::samples::{Picture, SIDE, film, film_of, lungs, some_lungs};
use crate::server::Server;

const DICOM: &str = "application/dicom";

/// Encodes a DICOM film of lungs.
fn some_film() -> Vec<u8> {
    Object::showing(&some_lungs()).file()
}

/// Sends a DICOM film to be segmented.
fn post_film(server: &Server, query: &str, film: &[u8]) -> Reply {
    server
        .post(&format!("/v1/segment?{query}"))
        .header("content-type", DICOM)
        .body(film)
        .send()
}

/// Sends a film, and reads the DICOM object of the response.
#[track_caller]
fn read_object(server: &Server, query: &str, film: &[u8]) -> Read {
    let reply = post_film(server, query, film);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some(DICOM)),
        "{reply:?}"
    );
    Read::of(&reply.body)
}

#[test]
fn a_film_has_the_same_mask_however_it_comes() {
    let server = Server::echo();
    let (plain, inverted) = (
        some_film(),
        Object::showing(&some_lungs()).inverted().file(),
    );
    for film in [&plain, &inverted] {
        assert_eq!(post_film(&server, "", film).mask(), some_lungs());
        assert_eq!(
            server.post("/v1/segment").body(film.clone()).send().mask(),
            some_lungs(),
            "recognised by its bytes"
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
            Picture::read(&post_film(&server, "format=png", film).body).mask(),
            some_lungs()
        );
    }
    let overlays = [plain, film()]
        .map(|film| Picture::read(&post_film(&server, "format=overlay", &film).body).samples);
    assert_eq!(overlays[0], overlays[1]);
}

#[test]
fn a_segmentation_is_a_reference_mask() {
    let server = Server::echo();
    let film = some_film();
    let segmentation = post_film(&server, "format=dicom-seg", &film).body;
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
        post_film(&server, &query, &unnamed).assert_problem(422, "undecodable_image");
    }
    assert!(
        server.passes.batch_sizes().is_empty(),
        "no forward pass was run"
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
        let reply = post_film(&server, "format=png", &film);
        let warnings = reply.header("lungfield-warnings").unwrap_or_default();
        assert!(
            warnings.split(',').any(|warning| warning == code),
            "{warnings}"
        );
        let plain = post_film(&server, "format=png", &some_film());
        assert!(
            !plain
                .header("lungfield-warnings")
                .unwrap_or_default()
                .contains(code)
        );
    }
}
