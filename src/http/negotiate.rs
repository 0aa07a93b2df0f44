//! Decides which of the possible answers a caller gets: the `format` parameter says it, else the `Accept` header.

use axum::http::{HeaderMap, header};
use serde::Deserialize;

use super::related;

/// What an answer can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    /// JSON with the mask as RLE.
    Json,
    /// The mask as a PNG.
    Png,
    /// The film with the mask drawn on it, as a PNG.
    Overlay,
    /// The film alone, as a PNG.
    Film,
    /// The lungs as a DICOM segmentation.
    DicomSeg,
    /// The film with the mask drawn on it, as a DICOM secondary capture.
    DicomSc,
    /// The lungs' areas as a DICOM structured report.
    DicomSr,
}

/// The answers that `Accept` can choose, the preferred one first.
const OFFERS: [(&str, &str, Format, Layout); 4] = [
    ("application", "json", Format::Json, Layout::Plain),
    ("image", "png", Format::Png, Layout::Plain),
    ("application", "dicom", Format::DicomSeg, Layout::Plain),
    ("multipart", "related", Format::DicomSeg, Layout::Related),
];

/// How the answer to one film is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// It is the body.
    Plain,
    /// It is the one part of a related body.
    Related,
}

/// The best answer that `Accept` allows (RFC 9110, 12.5.1), or `None` where it allows none. Without the header
/// anything goes; a range that can't be read allows nothing.
pub(super) fn accepted(headers: &HeaderMap) -> Option<(Format, Layout)> {
    let mut ranges = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        ranges.extend(related::split(value.to_str().ok()?, ',').filter_map(Range::parse));
    }
    if !headers.contains_key(header::ACCEPT) {
        return Some((Format::Json, Layout::Plain));
    }
    let quality = |kind, sub| {
        let matching = ranges.iter().filter(|range| range.matches(kind, sub));
        matching
            .max_by_key(|range| range.precision())
            .map_or(0, |range| range.quality)
    };
    let offers = OFFERS.map(|(kind, sub, format, layout)| (quality(kind, sub), (format, layout)));
    // The first of the best: `max_by_key` would give the last.
    let best = offers
        .iter()
        .map(|offer| offer.0)
        .max()
        .filter(|&best| best > 0)?;
    offers
        .into_iter()
        .find(|offer| offer.0 == best)
        .map(|offer| offer.1)
}

/// One media range of an `Accept` header, with its quality in thousandths.
#[derive(Debug)]
struct Range {
    kind: String,
    sub: String,
    /// What the parts of a related body are to be, where the range says so.
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

    fn matches(&self, kind: &str, sub: &str) -> bool {
        let is_of_dicom = self
            .parts
            .as_ref()
            .is_none_or(|parts| parts == related::DICOM);
        (self.kind == kind
            && (self.sub == sub || self.sub == "*")
            && (sub != "related" || is_of_dicom))
            || (self.kind == "*" && self.sub == "*")
    }

    /// How exactly the range says what it means: the most exact one that matches counts.
    fn precision(&self) -> u8 {
        u8::from(self.kind != "*") + u8::from(self.sub != "*")
    }
}

/// A quality from 0 to 1 in thousandths.
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

    fn of(accept: &[&str]) -> Option<Format> {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        accepted(&headers).map(|(format, _)| format)
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
            assert_eq!(of(accept), Some(Format::Json), "{accept:?}");
        }
    }

    #[test]
    fn a_browsers_image_tag_gets_an_image() {
        assert_eq!(
            of(&["image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8"]),
            Some(Format::Png)
        );
        assert_eq!(of(&["image/*"]), Some(Format::Png));
        assert_eq!(
            of(&["application/json;q=0.5", "image/png;q=0.9"]),
            Some(Format::Png)
        );
    }

    #[test]
    fn the_more_exact_range_counts() {
        assert_eq!(of(&["*/*, application/json;q=0"]), Some(Format::Png));
        assert_eq!(
            of(&["image/*;q=0.9, image/png;q=0.1, application/json;q=0.5"]),
            Some(Format::Json)
        );
    }

    #[test]
    fn whoever_takes_dicom_gets_a_segmentation() {
        for accept in [
            "application/dicom",
            "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
        ] {
            assert_eq!(of(&[accept]), Some(Format::DicomSeg), "{accept}");
        }
        assert_eq!(
            of(&["application/dicom, application/json"]),
            Some(Format::Json)
        );
        let quoted = "multipart/related; type=\"application/dicom\"; boundary=\"a, application/json;q=1, x\"";
        assert_eq!(of(&[quoted]), Some(Format::DicomSeg));
        assert_eq!(
            of(&["application/dicom; x=\"a;q=0\""]),
            Some(Format::DicomSeg)
        );
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
