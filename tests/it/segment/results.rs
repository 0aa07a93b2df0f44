//! Tests of a result: the mask and its lungs as JSON, PNG and overlay, its warnings, and its overlap with a reference mask.

use lungfield_radiograph::geometry::Size;
use png::{BitDepth, ColorType};
use serde_json::{Value, json};

use crate::client::Reply;
use crate::samples::{Picture, SIDE, film, film_of, lungs, mask, picture_png, png, some_lungs};
use crate::server::Server;

/// Returns a reference mask that is the upper half of the lungs: their Dice is 2/3, their Jaccard index 1/2.
fn half() -> Vec<u8> {
    let lungs = some_lungs();
    film_of(&mask(lungs.size(), |x, y| {
        y < 4 + 15 && lungs.row(y as usize).get(x as usize)
    }))
}

#[test]
fn a_raw_film_is_answered_with_its_mask_lungs_model_and_timings() {
    let server = Server::echo();
    let size = Size::new(SIDE, 48).unwrap();
    let mask = lungs(size, 9);
    let reply = server.post("/v1/segment").body(film_of(&mask)).send();
    assert_eq!(reply.mask(), mask);
    let mut answer = reply.segmented();
    let timings = answer["timings_ms"].take();
    for step in ["decode", "queue", "infer", "encode"] {
        assert!(
            timings[step].as_f64().is_some_and(|ms| ms >= 0.0),
            "{timings}"
        );
    }
    answer["mask"]["counts"].take();
    answer["warnings"][0]["message"].take();
    let expected = json!({
        "request_id": reply.header("x-request-id"),
        "model": {"name": "a-fake", "version": "1.2.3", "weights_sha256": "0".repeat(64)},
        "image": {"width": 64, "height": 48},
        "threshold": 0.5,
        "mask": {"encoding": "coco_rle", "size": [48, 64], "counts": null},
        // The patient's right lung lies on the left of the film.
        "lungs": [
            {"side": "right", "area_px": 360, "bounding_box": [5, 5, 12, 30]},
            {"side": "left", "area_px": 360, "bounding_box": [37, 5, 12, 30]},
        ],
        // A film whose lungs are white is inverted.
        "warnings": [{"code": "inverted_film", "message": null}],
        "timings_ms": null,
    });
    assert_eq!(answer, expected);
}

#[test]
fn an_image_answer_is_the_mask_in_8_bit_grey() {
    let server = Server::echo();
    let reply = server.post("/v1/segment?format=png").body(film()).send();
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("image/png"))
    );
    assert_eq!(Picture::read(&reply.body).mask(), some_lungs());
    assert_eq!(reply.header("lungfield-model"), Some("a-fake/1.2.3"));
    assert_eq!(reply.header("lungfield-warnings"), Some("inverted_film"));
    for absent in ["lungfield-dice", "lungfield-jaccard"] {
        assert_eq!(reply.header(absent), None, "{absent}");
    }
}

#[test]
fn lungs_that_are_not_doubtful_come_without_a_warning() {
    let server = Server::echo();
    // The lungs lie near the middle, so that the middle is not darker than the sides.
    let lungs = mask(Size::square(SIDE).unwrap(), |x, y| {
        (9..39).contains(&y) && ((20..30).contains(&x) || (34..44).contains(&x))
    });
    let answer = server
        .post("/v1/segment")
        .body(film_of(&lungs))
        .send()
        .segmented();
    assert_eq!(answer["warnings"], json!([]));
    let image = server
        .post("/v1/segment?format=png")
        .body(film_of(&lungs))
        .send();
    assert_eq!(image.header("lungfield-warnings"), None);
}

#[test]
fn an_overlay_is_the_film_with_lungs_in_red_and_the_reference_outlined_in_white() {
    let server = Server::echo();
    let plain = server
        .post("/v1/segment?format=overlay")
        .body(film())
        .send();
    assert_eq!(plain.header("content-type"), Some("image/png"));
    let mask = some_lungs();
    let drawn = Picture::read(&plain.body);
    assert_eq!(
        (drawn.size, drawn.color, drawn.depth),
        ((SIDE, SIDE), ColorType::Rgb, BitDepth::Eight)
    );
    for (rgb, lung) in drawn.samples.chunks_exact(3).zip(mask.pixels()) {
        assert!(
            if lung {
                rgb[0] > rgb[1] && rgb[1] == rgb[2]
            } else {
                rgb == [0; 3]
            },
            "{rgb:?}"
        );
    }

    let form = [("image", film()), ("ground_truth", half())];
    let form = form
        .each_ref()
        .map(|(name, bytes)| (*name, bytes.as_slice()));
    let outlined = server.post("/v1/segment?format=overlay").form(&form).send();
    let white = Picture::read(&outlined.body)
        .samples
        .chunks_exact(3)
        .filter(|rgb| *rgb == [255; 3])
        .count();
    // Two rectangles of 12 × 15 pixels have 2 × 50 pixels at their edge.
    assert!((100..=360).contains(&white), "{white}");
    assert!(
        outlined
            .header("lungfield-dice")
            .is_some_and(|dice| dice.starts_with("0.66"))
    );
}

#[test]
fn a_reference_mask_is_scored_as_image_and_as_rle() {
    let server = Server::echo();
    let film = film();
    let ask = |path: &str, reference: &[u8]| {
        server
            .post(path)
            .form(&[("ground_truth", reference), ("image", &film)])
            .send()
    };
    let close = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 1e-9;
    let rle = |form: &str| {
        let reply = server
            .post(&format!("/v1/segment?rle={form}"))
            .body(half())
            .send();
        reply.segmented()["mask"].to_string().into_bytes()
    };
    for reference in [half(), rle("compressed"), rle("counts")] {
        let answer = ask("/v1/segment", &reference).segmented();
        assert!(
            close(&answer["dice"], 2.0 / 3.0) && close(&answer["jaccard"], 0.5),
            "{answer}"
        );
        let reply = ask("/v1/segment?format=png", &reference);
        assert_eq!(reply.header("lungfield-dice"), Some("0.666667"));
        assert_eq!(reply.header("lungfield-jaccard"), Some("0.500000"));
    }
    let answer = ask("/v1/segment", &film).segmented();
    assert!(
        close(&answer["dice"], 1.0) && close(&answer["jaccard"], 1.0),
        "{answer}"
    );
}

#[test]
fn a_higher_threshold_gives_less_lung() {
    let server = Server::echo();
    let areas = ["0.1", "0.5", "0.9"].map(|threshold| {
        let reply = server
            .post(&format!("/v1/segment?threshold={threshold}"))
            .body(picture_png())
            .send();
        assert_eq!(reply.segmented()["threshold"].to_string(), threshold);
        reply.mask().area_px()
    });
    assert!(
        areas[0] > areas[1] && areas[1] > areas[2] && areas[2] > 0,
        "{areas:?}"
    );
    let usual = server.post("/v1/segment").body(picture_png()).send();
    assert_eq!(usual.mask().area_px(), areas[1]);
}

#[test]
fn both_forms_of_rle_are_the_same_mask() {
    let server = Server::echo();
    let ask = |query: &str| {
        server
            .post(&format!("/v1/segment{query}"))
            .body(film())
            .send()
    };
    let counts = |reply: &Reply| reply.segmented()["mask"]["counts"].clone();
    let (usual, compressed, plain) = (ask(""), ask("?rle=compressed"), ask("?rle=counts"));
    assert_eq!(counts(&usual), counts(&compressed));
    assert!(counts(&compressed).is_string());
    assert!(counts(&plain).is_array());
    assert_eq!(compressed.mask(), some_lungs());
    assert_eq!(plain.mask(), some_lungs());
    // COCO counts column by column: the first run is four columns and four pixels.
    assert_eq!(counts(&plain)[0], 4 * SIDE + 4);
}

#[test]
fn a_flat_film_is_answered_with_a_warning() {
    let server = Server::echo();
    for grey in [0, 128, 255] {
        let film = png(ColorType::Grayscale, BitDepth::Eight, &[grey; 64 * 48]);
        let answer = server
            .post("/v1/segment")
            .body(film.clone())
            .send()
            .segmented();
        let codes: Vec<_> = answer["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|warning| &warning["code"])
            .collect();
        assert_eq!(codes, ["no_lung", "flat_film"]);
        assert!(
            answer["warnings"][0]["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
        assert_eq!(answer["lungs"], json!([]));
        let image = server.post("/v1/segment?format=png").body(film).send();
        assert_eq!(
            image.header("lungfield-warnings"),
            Some("no_lung,flat_film")
        );
    }
}
