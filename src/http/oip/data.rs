//! Parses the elements of a tensor from JSON: numbers of 8 bits in flat or nested lists, or one string in base64.
//!
//! Elements become bytes while they are parsed, so that no list of JSON values is held.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// The elements of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// Numbers of 8 bits.
    Numbers(Vec<u8>),
    /// The bytes that one string in base64 stands for.
    Text(Vec<u8>),
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut elements = Elements::default();
        deserializer.deserialize_seq(List(&mut elements))?;
        match elements.text {
            Some(_) if !elements.numbers.is_empty() => {
                Err(D::Error::custom("a tensor has numbers or a text"))
            }
            Some(text) => Ok(Self::Text(text)),
            None => Ok(Self::Numbers(elements.numbers)),
        }
    }
}

/// The elements that were parsed so far.
#[derive(Default)]
struct Elements {
    numbers: Vec<u8>,
    text: Option<Vec<u8>>,
}

/// A visitor of a list, whose elements may be lists.
struct List<'a>(&'a mut Elements);

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of numbers from 0 to 255, or of one text in base64")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Element(self.0))?.is_some() {}
        Ok(())
    }
}

/// A visitor of a number, a string or a list.
struct Element<'a>(&'a mut Elements);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number from 0 to 255, or one text in base64")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        let number = u8::try_from(number).map_err(|_| E::custom("a number is above 255"))?;
        self.0.numbers.push(number);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.0.text.is_some() {
            return Err(E::custom("a tensor of BYTES has one element"));
        }
        let bytes = BASE64_STANDARD
            .decode(text)
            .map_err(|_| E::custom("a text is no base64"))?;
        self.0.text = Some(bytes);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        List(self.0).visit_seq(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Data, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_are_read_flat_or_nested() {
        for json in [
            "[0, 255, 7, 1]",
            "[[0, 255], [7, 1]]",
            "[[[0], [255]], 7, [[[1]]]]",
        ] {
            assert_eq!(read(json), Ok(Data::Numbers(vec![0, 255, 7, 1])), "{json}");
        }
        assert_eq!(read("[[], []]"), Ok(Data::Numbers(Vec::new())));
    }

    #[test]
    fn one_text_is_base64() {
        assert_eq!(read(r#"["aGVsbG8="]"#), Ok(Data::Text(b"hello".to_vec())));
        for bad in [
            r#"["aGVsbG8=", "aGVsbG8="]"#,
            r#"["a-b"]"#,
            r#"[1, "aGVsbG8="]"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let deep = "[".repeat(5000);
        for bad in [
            "[256]",
            "[-1]",
            "[1.5]",
            "[1e2]",
            "[true]",
            "[null]",
            "[{}]",
            "7",
            "{}",
            "[1",
            deep.as_str(),
        ] {
            assert!(read(bad).is_err(), "{bad:.20}");
        }
    }
}
