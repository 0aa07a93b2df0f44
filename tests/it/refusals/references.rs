//! Tests of reference masks that are refused.

use lungfield_radiograph::geometry::Size;
use png::{BitDepth, ColorType};

use crate::samples::{declared, film_of, fixture, lungs, picture, picture_png, png};
use crate::server::Server;

#[test]
fn a_reference_mask_that_does_not_fit_its_film_is_refused() {
    let server = Server::echo();
    let film = picture_png();
    let other = film_of(&lungs(Size::new(48, 64).unwrap(), 0));
    let tinted: Vec<u8> = picture().into_iter().flat_map(|v| [v, v, v ^ 1]).collect();
    let tinted = png(ColorType::Rgb, BitDepth::Eight, &tinted);
    let table = [
        (other.as_slice(), "reference_size_mismatch"),
        (
            br#"{"size":[64,48],"counts":[3072]}"#,
            "reference_size_mismatch",
        ),
        (&tinted, "reference_true_colour"),
        (fixture!("colour.jpg"), "reference_true_colour"),
        (b"", "undecodable_reference"),
        (b"a plain text", "undecodable_reference"),
        (b"GIF89a", "undecodable_reference"),
        (&film[..film.len() / 2], "undecodable_reference"),
        (&declared(60_000, 60_000), "undecodable_reference"),
        (&declared(1, 1), "undecodable_reference"),
        (fixture!("two_pages.tif"), "undecodable_reference"),
    ];
    for (reference, code) in table {
        let reply = server
            .post("/v1/segment")
            .form(&[("image", &film), ("ground_truth", reference)])
            .send();
        reply.assert_problem(422, code);
    }
    server.assert_still_serves();
}

#[test]
fn an_rle_that_is_no_mask_is_refused() {
    let server = Server::echo();
    for rle in [
        r#"{"size":[48,64],"counts":[3000]}"#,
        r#"{"size":[48,64],"counts":[3000,73]}"#,
        r#"{"size":[48,64],"counts":[-1,3073]}"#,
        r#"{"size":[48,64],"counts":[4294967295,4294967295]}"#,
        r#"{"size":[48,64],"counts":[99999999999999999999]}"#,
        r#"{"size":[48,64],"counts":[1.5,3070.5]}"#,
        r#"{"size":[48,64],"counts":"52"}"#,
        r#"{"size":[48,64],"counts":"oooooooooooooooooooo"}"#,
        r#"{"size":[48,64],"counts":"~"}"#,
        r#"{"size":[48,64]}"#,
        r#"{"size":[60000,60000],"counts":[3600000000]}"#,
        r#"{"size":[0,0],"counts":[]}"#,
        "{",
    ] {
        let form = [
            ("image", picture_png()),
            ("ground_truth", rle.as_bytes().to_vec()),
        ];
        let form = form
            .each_ref()
            .map(|(name, bytes)| (*name, bytes.as_slice()));
        server
            .post("/v1/segment")
            .form(&form)
            .send()
            .assert_problem(422, "invalid_rle");
    }
    server.assert_still_serves();
}
