//! Tests of the films that are read: sizes, encodings, raw bodies and forms.

use lungfield_radiograph::geometry::Size;
use png::{BitDepth, ColorType};
use serde_json::json;

use crate::client::{BOUNDARY, Raw, form};
use crate::samples::{
    dice, film, film_of, film_of_length, fixture, mask, picture, picture_png, png, some_lungs,
};
use crate::server::Server;

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
    // The format is recognised by the bytes: this film is a PNG, whatever its media type.
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
    // A connection reads larger pieces the more it has read.
    for _request in 0..8 {
        caller.write(&[head.as_bytes(), &body].concat());
        assert_eq!(caller.reply().mask(), some_lungs());
    }
}

/// Returns the same film in every colour type of PNG.
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
