//! Divides an archive among several workers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One of `count` parts of an archive, of about equal size.
///
/// The part of a film depends on its address alone, so that workers need not talk to each other: it is the first eight
/// bytes of the SHA-256 of the address, as a big-endian number, modulo `count`.
///
/// # Examples
/// ```
/// use lungfield_archive::shard::Shard;
///
/// let shards: Vec<Shard> = vec!["0/3".parse()?, "1/3".parse()?, "2/3".parse()?];
/// let film = "s3://archive/2024/film.dcm";
/// assert_eq!(shards.iter().filter(|shard| shard.holds(film)).count(), 1);
/// assert_eq!(shards[1].suffix(), "-1-of-3");
/// assert!("3/3".parse::<Shard>().is_err());
/// # Ok::<_, String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shard {
    /// Counted from 0.
    index: u32,
    count: u32,
}

impl Shard {
    /// The whole archive as one part.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Returns whether the film with this address belongs to this part.
    #[must_use]
    pub fn holds(self, file: &str) -> bool {
        let digest = Sha256::digest(file);
        let (start, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        u64::from_be_bytes(*start) % u64::from(self.count) == u64::from(self.index)
    }

    /// Returns the name of the part in paths, as `1-of-3`.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}-of-{}", self.index, self.count)
    }

    /// Returns the end of the names of its result files, as `-1-of-3`; empty for the whole archive.
    #[must_use]
    pub fn suffix(self) -> String {
        if self == Self::WHOLE {
            String::new()
        } else {
            format!("-{}", self.name())
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(index, count)| {
            Some(Self {
                index: index.parse().ok()?,
                count: count.parse().ok()?,
            })
        });
        parts
            .filter(|shard| shard.index < shard.count)
            .ok_or_else(|| "a part is written as I/N, from 0/N to N-1/N".to_owned())
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_film_is_in_one_part_and_the_parts_are_about_equal() {
        let parts: Vec<Shard> = (0..4).map(|index| Shard { index, count: 4 }).collect();
        let mut sizes = [0; 4];
        for film in 0..4000 {
            let name = format!("s3://archive/films/{film}.dcm");
            let holders: Vec<_> = (0..4).filter(|&part| parts[part].holds(&name)).collect();
            assert_eq!(holders.len(), 1);
            sizes[holders[0]] += 1;
            assert!(Shard::WHOLE.holds(&name));
        }
        // Four standard deviations of a fair draw are 110.
        assert!(
            sizes.iter().all(|size| (890..=1110).contains(size)),
            "{sizes:?}"
        );
    }

    #[test]
    fn a_part_is_written_as_index_and_count() {
        let shard: Shard = "3/8".parse().unwrap();
        assert_eq!(
            (shard.to_string().as_str(), shard.suffix().as_str()),
            ("3/8", "-3-of-8")
        );
        assert_eq!("0/1".parse::<Shard>().unwrap().suffix(), "");
        for bad in ["", "1", "1/1", "2/1", "-1/2", "0/0", "a/b", "1/2/3"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
