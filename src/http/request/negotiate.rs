//! Chooses the rendering of an answer: by the `format` parameter, else by the `Accept` header.

use axum::http::{HeaderMap, header};
use serde::{Deserialize, Deserializer};

use lungfield_codec::dicom;
use lungfield_codec::rendering::{RENDERING_FORMATS, RenderingFormat};

use super::related;

/// A row of the table of renderings that a request has chosen by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamedFormat(pub(crate) &'static RenderingFormat);

impl<'de> Deserialize<'de> for NamedFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let format = RenderingFormat::named(&name).filter(|format| format.in_query);
        format.map(Self).ok_or_else(|| {
            let names: Vec<_> = offered()
                .map(|format| format!("`{}`", format.name))
                .collect();
            // As serde words it for an enum.
            serde::de::Error::custom(format!(
                "unknown variant `{name}`, expected one of {}",
                names.join(", ")
            ))
        })
    }
}

/// Returns the renderings that a request can choose.
fn offered() -> impl Iterator<Item = &'static RenderingFormat> {
    RENDERING_FORMATS
        .into_iter()
        .filter(|format| format.in_query)
}

/// Returns the rendering that `Accept` chooses for each media type, the preferred one first.
fn preferred_formats() -> Vec<&'static RenderingFormat> {
    let mut preferred: Vec<&RenderingFormat> = Vec::new();
    for format in offered() {
        if preferred
            .iter()
            .all(|other| other.media_type != format.media_type)
        {
            preferred.push(format);
        }
    }
    preferred
}

/// Returns the media types that an answer can have, as a sentence lists them.
pub(crate) fn media_types() -> String {
    let mut media_types: Vec<_> = preferred_formats()
        .into_iter()
        .map(|format| format.media_type)
        .collect();
    let last = media_types.pop().unwrap_or_default();
    format!("{} or {last}", media_types.join(", "))
}

/// Returns the answers that `Accept` can choose, the preferred one first.
fn offers() -> Vec<(&'static str, Choice)> {
    let preferred = preferred_formats().into_iter();
    let choice = |format: &'static RenderingFormat, envelope| Choice { format, envelope };
    let single = preferred
        .clone()
        .map(|format| (format.media_type, choice(format, Envelope::Single)));
    let related = preferred
        .filter(|format| format.media_type == dicom::MEDIA_TYPE)
        .map(|format| ("multipart/related", choice(format, Envelope::Related)));
    single.chain(related).collect()
}

/// An answer that was chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    /// What the answer is written as.
    pub(crate) format: &'static RenderingFormat,
    /// What contains it.
    pub(crate) envelope: Envelope,
}

/// What contains the answer to one film.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// Nothing: the answer is the body.
    Single,
    /// A related body, of which the answer is the one part.
    Related,
}

/// Returns the best answer that `Accept` allows (RFC 9110, 12.5.1), or `None` where it allows none. Without the header every
/// answer is allowed; a range that can't be read allows none.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<Choice> {
    let offers = offers();
    if !headers.contains_key(header::ACCEPT) {
        return offers.first().map(|&(_, choice)| choice);
    }
    let mut ranges = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        ranges.extend(related::split(value.to_str().ok()?, ',').filter_map(Range::parse));
    }
    let quality = |media_type| {
        let matching = ranges.iter().filter(|range| range.matches(media_type));
        matching
            .max_by_key(|range| range.precision())
            .map_or(0, |range| range.quality)
    };
    // In reverse, since `max_by_key` returns the last of equals.
    let best = offers
        .into_iter()
        .rev()
        .map(|(media_type, choice)| (quality(media_type), choice))
        .max_by_key(|&(quality, _)| quality)?;
    (best.0 > 0).then_some(best.1)
}

/// One media range of an `Accept` header, with its quality in thousandths.
#[derive(Debug)]
struct Range {
    kind: String,
    sub: String,
    /// The media type of a related body's parts, where the range states it.
    parts: Option<String>,
    quality: u16,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = related::split(text, ';').map(str::trim);
        let (kind, sub) = parts.next()?.split_once('/')?;
        let (mut quality, mut of) = (1000, None);
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = thousandths(value.trim())?,
                "type" => of = Some(value.trim().trim_matches('"').to_ascii_lowercase()),
                _ => {}
            }
        }
        Some(Self {
            kind: kind.to_ascii_lowercase(),
            sub: sub.to_ascii_lowercase(),
            parts: of,
            quality,
        })
    }

    fn matches(&self, media_type: &str) -> bool {
        let Some((kind, sub)) = media_type.split_once('/') else {
            return false;
        };
        let is_of_dicom = self
            .parts
            .as_ref()
            .is_none_or(|parts| parts == dicom::MEDIA_TYPE);
        (self.kind == kind
            && (self.sub == sub || self.sub == "*")
            && (sub != "related" || is_of_dicom))
            || (self.kind == "*" && self.sub == "*")
    }

    /// Returns how specific the range is. The most specific one that matches counts.
    fn precision(&self) -> u8 {
        u8::from(self.kind != "*") + u8::from(self.sub != "*")
    }
}

/// Reads a quality from 0 to 1, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    // The parser would take signs and exponents as well.
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value: f32 = plain.then(|| text.parse().ok())??;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 ≤ value ≤ 1"
    )]
    (0.0..=1.0)
        .contains(&value)
        .then(|| (value * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        accepted(&headers).map(|choice| choice.format.name)
    }

    #[test]
    fn json_is_the_answer_to_whoever_does_not_care() {
        for accept in [
            &[][..],
            &["*/*"],
            &["application/*"],
            &["application/json, image/png"],
            &["*/*;q=0.1"],
        ] {
            assert_eq!(of(accept), Some("json"), "{accept:?}");
        }
    }

    #[test]
    fn a_browsers_image_tag_gets_an_image() {
        assert_eq!(
            of(&["image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8"]),
            Some("png")
        );
        assert_eq!(of(&["image/*"]), Some("png"));
        assert_eq!(
            of(&["application/json;q=0.5", "image/png;q=0.9"]),
            Some("png")
        );
    }

    #[test]
    fn the_more_exact_range_counts() {
        assert_eq!(of(&["*/*, application/json;q=0"]), Some("png"));
        assert_eq!(
            of(&["image/*;q=0.9, image/png;q=0.1, application/json;q=0.5"]),
            Some("json")
        );
    }

    #[test]
    fn whoever_takes_dicom_gets_a_segmentation() {
        for accept in [
            "application/dicom",
            "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
        ] {
            assert_eq!(of(&[accept]), Some("dicom-seg"), "{accept}");
        }
        assert_eq!(of(&["application/dicom, application/json"]), Some("json"));
        let quoted = "multipart/related; type=\"application/dicom\"; boundary=\"a, application/json;q=1, x\"";
        assert_eq!(of(&[quoted]), Some("dicom-seg"));
        assert_eq!(of(&["application/dicom; x=\"a;q=0\""]), Some("dicom-seg"));
    }

    #[test]
    fn what_can_not_be_given_is_not_acceptable() {
        assert_eq!(
            of(&["multipart/related; type=\"application/dicom+json\""]),
            None
        );
        for accept in ["image/png;q=1e-1", "image/png;q=+0.5"] {
            assert_eq!(of(&[accept]), None, "{accept}");
        }
        for accept in [
            "text/html",
            "image/webp",
            "application/json;q=0",
            "",
            "nonsense",
            "image/png;q=7",
        ] {
            assert_eq!(of(&[accept]), None, "{accept}");
        }
    }
}
