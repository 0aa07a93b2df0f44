//! Parses and joins the addresses of files: paths on this machine, and `s3://BUCKET/KEY`.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use object_store::path::Path as Key;

/// The prefix of the address of an object in a bucket.
const SCHEME: &str = "s3://";

/// The address of a file, or of a folder of files.
///
/// # Examples
/// ```
/// use lungfield_archive::address::Address;
///
/// let out = Address::parse("s3://results/2024")?;
/// assert_eq!(out.join("masks/a.png").to_string(), "s3://results/2024/masks/a.png");
/// assert!(matches!(Address::parse("films/a.png")?, Address::Local(_)));
/// assert!(Address::parse("gs://results").is_err());
/// # Ok::<_, lungfield_archive::address::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A path on this machine.
    Local(PathBuf),
    /// An object in a bucket, or all objects below a prefix. An empty key is the whole bucket.
    Object {
        /// The name of the bucket.
        bucket: String,
        /// The key of the object, or the prefix.
        key: Key,
    },
}

/// Why a text is not an address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It lacks the name of the bucket.
    #[error("the name of the bucket is missing; write s3://BUCKET/KEY")]
    NoBucket,
    /// Its key is not valid.
    #[error("the key is not valid: {0}")]
    Key(#[from] object_store::path::Error),
    /// It has another scheme than `s3`.
    #[error("it is neither a path nor an s3:// address")]
    Scheme,
    /// It is empty.
    #[error("it is empty")]
    Empty,
}

impl Address {
    /// Parses the address that a user writes. [`fmt::Display`] writes it the same way.
    ///
    /// # Errors
    /// Returns an error if the text is empty, has another scheme than `s3`, or names no bucket or a key that is not valid.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let Some(object) = text.strip_prefix(SCHEME) else {
            return if is_url(text) {
                Err(AddressError::Scheme)
            } else {
                Ok(Self::Local(PathBuf::from(text)))
            };
        };
        let (bucket, key) = object.split_once('/').unwrap_or((object, ""));
        if bucket.is_empty() {
            return Err(AddressError::NoBucket);
        }
        Ok(Self::Object {
            bucket: bucket.to_owned(),
            key: Key::parse(key)?,
        })
    }

    /// Returns the address of a file below this folder. `name` may have slashes, but no part of it may be `..`.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Local(folder) => Self::Local(folder.join(name)),
            Self::Object { bucket, key } => {
                let slash = if key.is_root() { "" } else { "/" };
                // Characters that no key may have are percent-encoded: a newline becomes `%0A`.
                let encoded = |_| name.split('/').fold(key.clone(), Key::join);
                let key = Key::parse(format!("{key}{slash}{name}")).unwrap_or_else(encoded);
                Self::Object {
                    bucket: bucket.clone(),
                    key,
                }
            }
        }
    }

    /// Returns the absolute address without `..`. Links are not followed.
    #[must_use]
    pub fn absolute(&self) -> Self {
        let Self::Local(path) = self else {
            return self.clone();
        };
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let mut plain = PathBuf::new();
        for component in whole.components() {
            match component {
                Component::ParentDir => drop(plain.pop()),
                other => plain.push(other),
            }
        }
        Self::Local(plain)
    }

    /// Returns the absolute address with links followed, as far as the path exists.
    #[must_use]
    pub fn real(&self) -> Self {
        let Self::Local(path) = self.absolute() else {
            return self.clone();
        };
        let existing = path
            .ancestors()
            .find_map(|ancestor| Some((fs_err::canonicalize(ancestor).ok()?, ancestor)));
        let Some((real, ancestor)) = existing else {
            return Self::Local(path);
        };
        Self::Local(
            real.join(
                path.strip_prefix(ancestor)
                    .expect("a path begins with each of its ancestors"),
            ),
        )
    }

    /// Returns the components of the address, beginning with the root or the bucket. `.` is left out, `..` is not resolved.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        match self {
            Self::Local(path) => path.components().filter_map(step).collect(),
            Self::Object { bucket, key } => {
                let parts = key.parts().map(|part| part.as_ref().to_owned());
                std::iter::once(format!("{SCHEME}{bucket}"))
                    .chain(parts)
                    .collect()
            }
        }
    }
}

/// Returns whether a text begins with a scheme, as in `gs://`. A path may have `://` further in.
fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn step(component: Component<'_>) -> Option<String> {
    match component {
        Component::CurDir => None,
        other => Some(Path::new(other.as_os_str()).to_string_lossy().into_owned()),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(formatter),
            Self::Object { bucket, key } if key.as_ref().is_empty() => {
                write!(formatter, "{SCHEME}{bucket}")
            }
            Self::Object { bucket, key } => write!(formatter, "{SCHEME}{bucket}/{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_was_read() {
        for text in [
            "films",
            "/data/a b/ä.png",
            "./x",
            "s3://archive",
            "s3://archive/2024/ä 1.dcm",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Address::parse("s3://archive/2024/").unwrap().to_string(),
            "s3://archive/2024"
        );
    }

    #[test]
    fn what_can_not_be_an_address_is_refused() {
        for text in [
            "",
            "s3://",
            "s3:///key",
            "s3://b/a//b",
            "s3://b/../a",
            "gs://bucket/x",
            "https://a/b",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_joined_and_parted_at_slashes() {
        let object = Address::parse("s3://archive/out")
            .unwrap()
            .join("masks/a/b.png");
        assert_eq!(object.to_string(), "s3://archive/out/masks/a/b.png");
        assert_eq!(
            object.steps(),
            ["s3://archive", "out", "masks", "a", "b.png"]
        );
        let bucket = Address::parse("s3://archive").unwrap();
        assert_eq!(
            bucket.join("a#1 %.png").to_string(),
            "s3://archive/a#1 %.png"
        );
        assert_eq!(bucket.join("a\n.png").to_string(), "s3://archive/a%0A.png");
        let local = Address::parse("./out").unwrap().join("masks/b.png");
        assert_eq!(local.steps(), ["out", "masks", "b.png"]);
        assert_eq!(
            Address::parse("/a/../b").unwrap().steps(),
            ["/", "a", "..", "b"]
        );
    }
}
