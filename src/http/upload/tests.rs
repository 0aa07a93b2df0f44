//! Tests of the module above.

use super::*;

fn kind(media: Option<&str>) -> Result<Kind, &'static str> {
    let mut headers = HeaderMap::new();
    if let Some(media) = media {
        headers.insert(header::CONTENT_TYPE, media.parse().unwrap());
    }
    Kind::of(&headers).map_err(|error| error.kind().1)
}

#[test]
fn a_body_is_a_film_or_a_form() {
    for film in [
        None,
        Some("image/png"),
        Some("IMAGE/JPEG"),
        Some("application/octet-stream; x=1"),
    ] {
        assert_eq!(kind(film), Ok(Kind::Film), "{film:?}");
    }
    assert_eq!(
        kind(Some("multipart/form-data; boundary=x")),
        Ok(Kind::Multipart("x".to_owned()))
    );
    let related = "multipart/related; type=\"application/dicom\"; boundary=x";
    assert_eq!(kind(Some(related)), Ok(Kind::Related("x".to_owned())));
}

#[test]
fn anything_else_is_refused() {
    for other in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "image/webp",
        "nonsense",
    ] {
        assert_eq!(kind(Some(other)), Err("unsupported_media_type"), "{other}");
    }
    assert_eq!(
        kind(Some("multipart/form-data")),
        Err("malformed_multipart")
    );
}
