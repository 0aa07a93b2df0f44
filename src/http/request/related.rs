//! Related bodies of DICOM instances, as STOW-RS sends them.
//!
//! A body is `multipart/related; type="application/dicom"` (PS3.18, 10.5 and RFC 2387).

use lungfield_codec::dicom;
use lungfield_engine::pipeline::Film;

use crate::http::problem::ApiError;

/// The most instances in one body. Their results are buffered until the last one is there, on the budget for answers.
pub(crate) const MAX_INSTANCES: usize = 8;

/// The films of a request.
#[derive(Debug)]
pub(crate) enum Films {
    /// The one film of a body or of a form.
    One(Film),
    /// The instances of a related body, in their order.
    Related(Vec<Film>),
}

/// Returns the boundary of a related body of DICOM instances; `None` where the media type is another.
///
/// Many senders write the type without the quotes that its slash requires, so parameters are read more leniently here than elsewhere.
pub(crate) fn boundary(media: &str) -> Option<Result<String, ApiError>> {
    let (essence, parameters) = media.split_once(';').unwrap_or((media, ""));
    if !essence.trim().eq_ignore_ascii_case("multipart/related") {
        return None;
    }
    if !parameter(parameters, "type")
        .is_some_and(|kind| kind.eq_ignore_ascii_case(dicom::MEDIA_TYPE))
    {
        return Some(Err(ApiError::UnsupportedMediaType));
    }
    let missing = || ApiError::MalformedMultipart("the boundary is missing".to_owned());
    Some(
        parameter(parameters, "boundary")
            .filter(|boundary| !boundary.is_empty())
            .ok_or_else(missing),
    )
}

/// Returns the value of a parameter, without its quotes.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut each = split(parameters, ';').filter_map(|each| each.split_once('='));
    let (_, value) = each.find(|(of, _)| of.trim().eq_ignore_ascii_case(name))?;
    let value = value.trim();
    Some(
        value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value)
            .to_owned(),
    )
}

/// Splits text at a separator, but not within quotes.
pub(crate) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
}

/// Refuses a part that states another media type than DICOM's.
pub(crate) fn admit(part: &multer::Field<'_>) -> Result<(), ApiError> {
    let is_dicom = part
        .content_type()
        .is_none_or(|media| media.essence_str().eq_ignore_ascii_case(dicom::MEDIA_TYPE));
    if is_dicom {
        Ok(())
    } else {
        Err(ApiError::UnsupportedMediaType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(media: &str) -> Result<String, &'static str> {
        boundary(media).unwrap().map_err(|error| error.kind().1)
    }

    #[test]
    fn a_related_body_is_one_of_dicom_instances() {
        assert_eq!(
            of("multipart/related; type=\"application/dicom\"; boundary=\"a b\""),
            Ok("a b".to_owned())
        );
        assert_eq!(
            of("multipart/related;boundary=x;type=application/dicom"),
            Ok("x".to_owned())
        );
        assert_eq!(
            of("multipart/related; boundary=x"),
            Err("unsupported_media_type")
        );
        assert_eq!(
            of("multipart/related; type=\"application/dicom+json\"; boundary=x"),
            Err("unsupported_media_type")
        );
        assert_eq!(
            of("multipart/related; type=\"application/dicom\""),
            Err("malformed_multipart")
        );
        assert_eq!(
            of("multipart/related; type=application/dicom; boundary=\"a;b\""),
            Ok("a;b".to_owned())
        );
        assert!(boundary("multipart/form-data; boundary=x").is_none());
    }
}
