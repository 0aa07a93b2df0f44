//! Decides what a good film is answered, in every form that a caller can ask for.

use lungfield_radiograph::geometry::Size;
use png::{BitDepth, ColorType};
use serde_json::{Value, json};

use crate::client::{BOUNDARY, Raw, Reply, form};
use crate::samples::{
    Picture, SIDE, dice, film, film_of, film_of_length, fixture, lungs, mask, picture, picture_png,
    png, some_lungs,
};
use crate::server::{MAX_BODY_BYTES, Server};

/// A film's reference mask of which half is left: Dice 2/3, Jaccard 1/2.
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
        // A film that is white where there is lung has its greys the wrong way round.
        "warnings": [{"code": "inverted_film", "message": null}],
        "timings_ms": null,
    });
    assert_eq!(answer, expected);
}

#[test]
fn a_mask_lies_on_the_films_own_grid_whatever_the_models_is() {
    let server = Server::echo();
    for (width, height) in [(32, 32), (33, 47), (150, 200), (200, 150), (400, 120)] {
        let size = Size::new(width, height).unwrap();
        let middle = |at: u32, length: u32| (length / 4..length * 3 / 4).contains(&at);
        let mask = mask(size, |x, y| middle(x, width) && middle(y, height));
        let found = server
            .post("/v1/segment")
            .body(film_of(&mask))
            .send()
            .mask();
        assert_eq!(found.size(), size);
        assert!(dice(&found, &mask) > 0.8, "{size}: {}", dice(&found, &mask));
    }
}

#[test]
fn a_form_is_answered_as_a_raw_body_is() {
    let server = Server::echo();
    let film = film();
    assert_eq!(
        server
            .post("/v1/segment")
            .form(&[("image", &film)])
            .send()
            .mask(),
        some_lungs()
    );
    let chunked = server
        .post("/v1/segment")
        .form(&[("image", &film)])
        .chunked()
        .send();
    assert_eq!(chunked.mask(), some_lungs());
}

#[test]
fn a_raw_film_may_be_said_to_be_of_any_film_type_or_none() {
    let server = Server::echo();
    // What the bytes are is told by the bytes: this is a PNG throughout.
    for media in [
        "image/png",
        "image/jpeg",
        "IMAGE/TIFF",
        "application/octet-stream",
        "image/png; a=b",
    ] {
        let call = server.post("/v1/segment").header("content-type", media);
        assert_eq!(call.body(film()).send().mask(), some_lungs(), "{media}");
    }
    assert_eq!(
        server
            .post("/v1/segment")
            .body(film())
            .chunked()
            .send()
            .mask(),
        some_lungs()
    );
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
    // So near to the middle that it is not darker than the sides.
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
fn accept_picks_the_answer() {
    let server = Server::echo();
    let (json, png) = ("application/json", "image/png");
    let table = [
        (None, json),
        (Some("*/*"), json),
        (Some("application/json"), json),
        (Some("application/*, text/html"), json),
        (Some("image/png"), png),
        (Some("image/*"), png),
        (Some("image/png;q=0.9, application/json;q=0.8"), png),
        (Some("image/png;q=0.8, application/json;q=0.8"), json),
        (Some("application/json;q=0, */*"), png),
        (
            Some("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"),
            png,
        ),
        (Some("IMAGE/PNG"), png),
    ];
    for (accept, expected) in table {
        let mut call = server.post("/v1/segment").body(film());
        if let Some(accept) = accept {
            call = call.header("accept", accept);
        }
        let reply = call.send();
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some(expected)),
            "{accept:?}"
        );
    }
}

#[test]
fn the_format_wins_over_accept() {
    let server = Server::echo();
    for (format, accept, expected) in [
        ("json", "image/png", "application/json"),
        ("png", "application/json", "image/png"),
        ("overlay", "text/html", "image/png"),
    ] {
        let call = server
            .post(&format!("/v1/segment?format={format}"))
            .header("accept", accept);
        assert_eq!(
            call.body(film()).send().header("content-type"),
            Some(expected),
            "{format}"
        );
    }
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
    // Column by column, as COCO has it: the first run is four columns and four pixels.
    assert_eq!(counts(&plain)[0], 4 * SIDE + 4);
}

#[test]
fn every_answer_about_a_film_is_timed_and_stays_out_of_caches() {
    let server = Server::echo();
    for format in ["json", "png", "overlay"] {
        let reply = server
            .post(&format!("/v1/segment?format={format}"))
            .body(film())
            .send();
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let timing = reply.header("server-timing").unwrap();
        let steps = timing
            .split(", ")
            .map(|step| step.split_once(";dur=").unwrap());
        let (names, durations): (Vec<_>, Vec<_>) = steps.unzip();
        assert_eq!(names, ["decode", "queue", "infer", "encode"]);
        assert!(
            durations
                .iter()
                .all(|ms| ms.parse::<f64>().is_ok_and(|ms| ms >= 0.0)),
            "{timing}"
        );
    }
    for (path, body) in [
        ("/v1/segment", "no film"),
        ("/v1/segment?format=no", ""),
        ("/v1/segment", ""),
    ] {
        let reply = server.post(path).body(body).send();
        assert!(reply.status >= 400);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("server-timing"), None);
    }
}

#[test]
fn a_callers_request_id_is_echoed_where_it_is_plain() {
    let server = Server::echo();
    let ask = |id: &str| server.get("/health/live").header("x-request-id", id).send();
    for id in ["a", "Film_7.b-2", &"x".repeat(64)] {
        assert_eq!(ask(id).header("x-request-id"), Some(id));
    }
    for id in ["", "a b", "a/b", "é", "{\"a\":1}", &"x".repeat(65)] {
        let reply = ask(id);
        let made = reply.header("x-request-id").unwrap();
        assert!(made != id && made.len() == 36, "{id:?} became {made:?}");
    }
    let ids = [(); 2].map(|()| {
        server
            .get("/v1/model")
            .send()
            .header("x-request-id")
            .unwrap()
            .to_owned()
    });
    assert_ne!(ids[0], ids[1]);
    let problem = server
        .post("/v1/segment")
        .header("x-request-id", "mine")
        .send();
    problem.assert_problem(400, "empty_body");
    assert_eq!(problem.json()["request_id"], "mine");
    assert_eq!(
        server
            .post("/v1/segment")
            .header("x-request-id", "mine")
            .body(film())
            .send()
            .segmented()["request_id"],
        "mine"
    );
}

/// The same film in every kind of PNG.
fn kinds_of_png() -> Vec<(&'static str, Vec<u8>)> {
    let greys = picture();
    let spread =
        |bytes: fn(u8) -> Vec<u8>| greys.iter().copied().flat_map(bytes).collect::<Vec<u8>>();
    let (eight, sixteen) = (BitDepth::Eight, BitDepth::Sixteen);
    let (grey_16, grey_12) = (spread(|v| vec![v, v]), spread(|v| vec![v >> 4, v << 4]));
    let (grey_alpha, rgba) = (spread(|v| vec![v, 7]), spread(|v| vec![v, v, v, 9]));
    let (rgb, rgb_16) = (spread(|v| vec![v; 3]), spread(|v| vec![v; 6]));
    vec![
        ("grey", picture_png()),
        ("16-bit grey", png(ColorType::Grayscale, sixteen, &grey_16)),
        (
            "12 of 16 bits",
            png(ColorType::Grayscale, sixteen, &grey_12),
        ),
        (
            "grey and alpha",
            png(ColorType::GrayscaleAlpha, eight, &grey_alpha),
        ),
        ("RGB", png(ColorType::Rgb, eight, &rgb)),
        ("16-bit RGB", png(ColorType::Rgb, sixteen, &rgb_16)),
        ("RGBA", png(ColorType::Rgba, eight, &rgba)),
        ("palette", png(ColorType::Indexed, eight, &greys)),
    ]
}

#[test]
fn every_kind_of_film_is_read() {
    let server = Server::echo();
    let mask = |film: Vec<u8>| server.post("/v1/segment").body(film).send().mask();
    let fixtures = [
        ("interlaced", fixture!("interlaced_grey8.png").to_vec()),
        (
            "interlaced, 16-bit",
            fixture!("interlaced_grey16.png").to_vec(),
        ),
        ("JPEG", fixture!("grey.jpg").to_vec()),
        (
            "progressive JPEG",
            fixture!("progressive_grey.jpg").to_vec(),
        ),
        ("JPEG with restarts", fixture!("restarts.jpg").to_vec()),
        ("CMYK JPEG", fixture!("cmyk.jpg").to_vec()),
        ("TIFF", fixture!("packbits8.tif").to_vec()),
        ("16-bit TIFF", fixture!("big_endian16.tif").to_vec()),
        ("tiled TIFF", fixture!("tiled16.tif").to_vec()),
        ("inverted TIFF", fixture!("min_is_white16.tif").to_vec()),
    ];
    let expected = mask(picture_png());
    for (kind, film) in kinds_of_png().into_iter().chain(fixtures) {
        let found = mask(film);
        assert!(
            dice(&found, &expected) > 0.97,
            "{kind}: {}",
            dice(&found, &expected)
        );
    }
}

#[test]
fn colour_films_are_read() {
    let server = Server::echo();
    let (interlaced, progressive) = (
        fixture!("interlaced_rgb8.png"),
        fixture!("progressive_colour.jpg"),
    );
    for film in [
        interlaced,
        progressive,
        fixture!("colour.jpg"),
        fixture!("planar_rgb8.tif"),
    ] {
        let reply = server.post("/v1/segment").body(film).send();
        assert_eq!(
            reply.segmented()["image"],
            json!({"width": 64, "height": 48})
        );
    }
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

#[test]
fn the_model_and_its_limits_are_told() {
    let server = Server::echo();
    let model = server.get("/v1/model").send();
    assert_eq!(
        (model.status, model.header("content-type")),
        (200, Some("application/json"))
    );
    let model = model.json();
    assert_eq!(
        (&model["name"], &model["input_side"]),
        (&json!("a-fake"), &json!(SIDE))
    );
    assert_eq!(
        model["limits"],
        json!({"max_body_bytes": MAX_BODY_BYTES, "max_pixels": 64_000_000})
    );
    assert_eq!(
        server.get("/health/live").send().json(),
        json!({"status": "live"})
    );
    assert_eq!(
        server.get("/health/ready").send().json(),
        json!({"status": "ready"})
    );
    assert_eq!(
        server.get("/openapi.yaml").send().header("content-type"),
        Some("application/yaml")
    );
}

#[test]
fn forms_on_a_connection_that_is_kept_are_taken_however_much_arrives_at_once() {
    let server = Server::echo();
    let film = film_of_length(100_000);
    let body = form(&[("image", &film), ("ground_truth", &crate::samples::film())]);
    let head = format!(
        "POST /v1/segment HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n",
        body.len()
    );
    let mut caller = Raw::connect(server.address);
    // A connection reads more at a time, the more it has read.
    for _request in 0..8 {
        caller.write(&[head.as_bytes(), &body].concat());
        assert_eq!(caller.reply().mask(), some_lungs());
    }
}
