//! Decides how files are named: by a path on this machine, or by `s3://BUCKET/KEY`.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use object_store::path::Path as Key;

/// What the name of an object in a bucket begins with.
const SCHEME: &str = "s3://";

/// Where a file or a folder of files is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// On this machine.
    Local(PathBuf),
    /// In a bucket. An empty key is the whole bucket.
    Object {
        /// The bucket's name.
        bucket: String,
        /// The object's key, or the prefix of several.
        key: Key,
    },
}

/// A name that can't be one of a file.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// There is no bucket in it.
    #[error("it names no bucket; s3://BUCKET/KEY does")]
    NoBucket,
    /// Its key is none.
    #[error("its key can't be used: {0}")]
    Key(#[from] object_store::path::Error),
    /// Another kind of store.
    #[error("only s3:// and paths are read")]
    Scheme,
    /// Nothing.
    #[error("it is empty")]
    Empty,
}

impl Address {
    /// The address that a user writes.
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

    /// The file of this name below it. A name is made of names between slashes, none of them `..`.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Local(folder) => Self::Local(folder.join(name)),
            Self::Object { bucket, key } => {
                let slash = if key.is_root() { "" } else { "/" };
                // What no key may hold, as a line's end, is written as `%0A` there.
                let encoded = |_| name.split('/').fold(key.clone(), Key::join);
                let key = Key::parse(format!("{key}{slash}{name}")).unwrap_or_else(encoded);
                Self::Object {
                    bucket: bucket.clone(),
                    key,
                }
            }
        }
    }

    /// The same from the root on, without `..`; what links lead elsewhere is not asked.
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

    /// The same with links followed, as far as there is something.
    #[must_use]
    pub fn real(&self) -> Self {
        let Self::Local(path) = self.absolute() else {
            return self.clone();
        };
        let there = path
            .ancestors()
            .find_map(|ancestor| Some((fs_err::canonicalize(ancestor).ok()?, ancestor)));
        let Some((real, ancestor)) = there else {
            return Self::Local(path);
        };
        Self::Local(
            real.join(
                path.strip_prefix(ancestor)
                    .expect("an ancestor is the beginning of its path"),
            ),
        )
    }

    /// The names on the way to it, the bucket's first. `.` is none, and `..` stands for itself.
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

/// Whether text begins with a scheme, as in `gs://`. A path may hold `://` further in.
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
