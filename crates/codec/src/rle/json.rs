//! Writes run lengths as JSON, and reads them from JSON.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::RleError;
use super::runs::Rle;
use lungfield_radiograph::geometry::Size;

/// The JSON form of run lengths, as COCO defines it. Its size and counts are not checked until
/// [`CocoRle::check`].
///
/// # Examples
///
/// ```
/// use lungfield_codec::rle::{CocoRle, Rle};
/// use lungfield_radiograph::geometry::Size;
///
/// let size = Size::new(3, 2).expect("neither side is 0");
/// let rle = Rle::new(size, vec![2, 2, 1, 1])?;
/// let json = serde_json::to_string(&rle.compressed())?;
/// assert_eq!(json, r#"{"size":[2,3],"counts":"221O"}"#);
///
/// let read: CocoRle = serde_json::from_str(&json)?;
/// assert_eq!(read.check(1_000)?, rle);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CocoRle {
    /// The height and the width, in this order.
    pub size: [u32; 2],
    /// The lengths of the runs.
    pub counts: Counts,
}

/// The lengths of runs, in one of the two forms of COCO.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Counts {
    /// The compressed string.
    Compressed(String),
    /// The plain numbers.
    Plain(Vec<u32>),
}

/// Reads run lengths from JSON, with compressed or plain counts.
///
/// The memory in use is proportional to the length of `bytes`, whatever size they declare.
///
/// # Errors
///
/// Returns an [`RleError`] if the bytes are not JSON of this form, if the declared size has more
/// than `max_pixels` pixels, or if the counts do not fit the size.
///
/// # Examples
///
/// ```
/// use lungfield_codec::rle::from_json;
///
/// let rle = from_json(br#"{"size": [2, 3], "counts": [2, 2, 1, 1]}"#, 1_000)?;
/// assert_eq!(rle.to_compressed(), "221O");
/// assert!(from_json(br#"{"size": [2, 3], "counts": [2]}"#, 1_000).is_err());
/// # Ok::<(), lungfield_codec::rle::RleError>(())
/// ```
pub fn from_json(bytes: &[u8], max_pixels: u64) -> Result<Rle, RleError> {
    let encoded: CocoRle = serde_json::from_slice(bytes)?;
    encoded.check(max_pixels)
}

impl Rle {
    /// Returns the JSON form with compressed counts.
    #[must_use]
    pub fn compressed(&self) -> CocoRle {
        CocoRle {
            size: self.height_and_width(),
            counts: Counts::Compressed(self.to_compressed()),
        }
    }

    /// Returns the JSON form with plain counts.
    #[must_use]
    pub fn plain(self) -> CocoRle {
        CocoRle {
            size: self.height_and_width(),
            counts: Counts::Plain(self.into_counts()),
        }
    }

    /// Returns the size in the order of COCO.
    fn height_and_width(&self) -> [u32; 2] {
        [self.size().height(), self.size().width()]
    }
}

impl CocoRle {
    /// Checks the size and the counts. The size is checked before any count is decoded.
    ///
    /// # Errors
    ///
    /// Returns an [`RleError`] if the size has more than `max_pixels` pixels, or if the counts do
    /// not fit the size.
    pub fn check(self, max_pixels: u64) -> Result<Rle, RleError> {
        let [height, width] = self.size;
        let size = Size::new(width, height).ok_or(RleError::NoPixels { height, width })?;
        let pixels = u64::from(height) * u64::from(width);
        if pixels > max_pixels {
            return Err(RleError::TooManyPixels { pixels, max_pixels });
        }
        match self.counts {
            Counts::Compressed(text) => Rle::from_compressed(size, &text),
            Counts::Plain(counts) => Rle::new(size, counts),
        }
    }
}

/// Written by hand, because serde would buffer each element of an untagged list in 32 bytes.
impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountsVisitor;

        impl<'de> Visitor<'de> for CountsVisitor {
            type Value = Counts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or a list of whole numbers")
            }

            fn visit_str<E>(self, text: &str) -> Result<Counts, E> {
                Ok(Counts::Compressed(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Counts, A::Error> {
                let mut counts = Vec::new();
                while let Some(count) = list.next_element()? {
                    counts.push(count);
                }
                Ok(Counts::Plain(counts))
            }
        }

        deserializer.deserialize_any(CountsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"{"size":[4,5],"counts":"5260M0"}"#;
    const EXAMPLE_PLAIN: &str = r#"{"size":[4,5],"counts":[5,2,6,2,3,2]}"#;

    fn refusal(json: &str) -> RleError {
        from_json(json.as_bytes(), 100).unwrap_err()
    }

    #[test]
    fn both_forms_give_the_same_runs_and_survive_a_round_trip() {
        let runs = from_json(EXAMPLE.as_bytes(), 20).unwrap();
        assert_eq!(from_json(EXAMPLE_PLAIN.as_bytes(), 20), Ok(runs.clone()));
        assert_eq!(serde_json::to_string(&runs.compressed()).unwrap(), EXAMPLE);
        assert_eq!(serde_json::to_string(&runs.plain()).unwrap(), EXAMPLE_PLAIN);
    }

    #[test]
    fn other_fields_of_an_annotation_are_ignored() {
        let json = r#"{"encoding": "coco_rle", "size": [4, 5], "counts": "5260M0", "area": 6.0}"#;
        assert_eq!(
            from_json(json.as_bytes(), 20),
            from_json(EXAMPLE.as_bytes(), 20)
        );
    }

    #[test]
    fn a_size_is_refused_before_memory_is_allocated_for_it() {
        let json = r#"{"size":[4294967295,4294967295],"counts":"5260M0"}"#;
        let pixels = u64::from(u32::MAX).pow(2);
        assert_eq!(
            refusal(json),
            RleError::TooManyPixels {
                pixels,
                max_pixels: 100
            }
        );
        assert_eq!(
            refusal(r#"{"size":[10,0],"counts":[0]}"#),
            RleError::NoPixels {
                height: 10,
                width: 0
            }
        );
        assert!(from_json(EXAMPLE.as_bytes(), 19).is_err());
    }

    #[test]
    fn counts_that_do_not_fit_the_size_are_refused() {
        let pixels = 20;
        assert_eq!(
            refusal(r#"{"size":[4,5],"counts":"52"}"#),
            RleError::WrongSum { pixels }
        );
        assert_eq!(
            refusal(r#"{"size":[4,5],"counts":[20,1]}"#),
            RleError::WrongSum { pixels }
        );
        assert_eq!(
            refusal(r#"{"size":[4,5],"counts":[]}"#),
            RleError::WrongSum { pixels }
        );
    }

    #[test]
    fn malformed_json_is_refused_with_its_position() {
        let cut = EXAMPLE.len() - 5;
        assert_eq!(
            refusal(&EXAMPLE[..cut]),
            RleError::Malformed {
                line: 1,
                column: cut
            }
        );
        assert!(matches!(
            from_json(b"{\"size\":[4,5],\"counts\":\"\xff\"}", 20),
            Err(RleError::Malformed { .. })
        ));
        for json in [
            "",
            "M0",
            "null",
            "[]",
            r#"{"size":[4,5]}"#,
            r#"{"counts":"5260M0"}"#,
            r#"{"size":[4],"counts":"5260M0"}"#,
            r#"{"size":[4,5,1],"counts":"5260M0"}"#,
            r#"{"size":[-4,5],"counts":"5260M0"}"#,
            r#"{"size":[4,4294967296],"counts":"5260M0"}"#,
            r#"{"size":"4x5","counts":"5260M0"}"#,
            r#"{"size":[4,5],"counts":20}"#,
            r#"{"size":[4,5],"counts":[-1,21]}"#,
            r#"{"size":[4,5],"counts":[19.5]}"#,
            r#"{"size":[4,5],"counts":[4294967316]}"#,
            r#"{"size":[4,5],"counts":["20"]}"#,
        ] {
            assert!(
                matches!(refusal(json), RleError::Malformed { .. }),
                "{json}: {}",
                refusal(json)
            );
        }
    }

    #[test]
    fn an_error_repeats_nothing_of_the_input() {
        for json in [
            r#"{"size":"secret","counts":"0"}"#,
            r#"{"size":[4,5],"counts":"secret"}"#,
        ] {
            assert!(!refusal(json).to_string().contains("secret"));
        }
    }
}
