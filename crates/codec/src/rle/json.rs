//! Decides how run lengths are written in JSON, and how they are read from it.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Rle, RleError};
use lungfield_radiograph::geometry::Size;

/// An encoding as JSON has it: of any size and sum until [`Encoded::check`] has seen it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoded {
    /// Height and width, in this order.
    pub size: [u32; 2],
    /// The runs.
    pub counts: Counts,
}

/// The runs of an encoding in either of COCO's forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Counts {
    /// The compressed string.
    Compressed(String),
    /// The plain numbers.
    Plain(Vec<u32>),
}

/// Reads runs from JSON, their counts compressed or plain. Memory is taken only for what was sent.
pub fn from_json(bytes: &[u8], max_pixels: u64) -> Result<Rle, RleError> {
    let encoded: Encoded = serde_json::from_slice(bytes)?;
    encoded.check(max_pixels)
}

impl Rle {
    /// For JSON, with compressed counts.
    #[must_use]
    pub fn compressed(&self) -> Encoded {
        Encoded {
            size: self.height_and_width(),
            counts: Counts::Compressed(self.to_compressed()),
        }
    }

    /// For JSON, with plain counts.
    #[must_use]
    pub fn plain(self) -> Encoded {
        Encoded {
            size: self.height_and_width(),
            counts: Counts::Plain(self.counts),
        }
    }

    fn height_and_width(&self) -> [u32; 2] {
        [self.size.height(), self.size.width()]
    }
}

impl Encoded {
    /// The runs, or why they are none. A size above `max_pixels` is refused before any count is read.
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

/// By hand, since serde would first keep every element of an untagged list in 32 bytes of its own.
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
    fn both_forms_are_the_same_runs_and_are_written_as_they_were_read() {
        let runs = from_json(EXAMPLE.as_bytes(), 20).unwrap();
        assert_eq!(from_json(EXAMPLE_PLAIN.as_bytes(), 20), Ok(runs.clone()));
        assert_eq!(serde_json::to_string(&runs.compressed()).unwrap(), EXAMPLE);
        assert_eq!(serde_json::to_string(&runs.plain()).unwrap(), EXAMPLE_PLAIN);
    }

    #[test]
    fn what_else_an_annotation_holds_is_passed_over() {
        let json = r#"{"encoding": "coco_rle", "size": [4, 5], "counts": "5260M0", "area": 6.0}"#;
        assert_eq!(
            from_json(json.as_bytes(), 20),
            from_json(EXAMPLE.as_bytes(), 20)
        );
    }

    #[test]
    fn a_size_is_refused_before_memory_is_taken_for_it() {
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
    fn what_is_not_json_of_this_form_is_refused_where_it_ceases_to_be() {
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
    fn a_refusal_repeats_nothing_of_what_was_sent() {
        for json in [
            r#"{"size":"secret","counts":"0"}"#,
            r#"{"size":[4,5],"counts":"secret"}"#,
        ] {
            assert!(!refusal(json).to_string().contains("secret"));
        }
    }
}
