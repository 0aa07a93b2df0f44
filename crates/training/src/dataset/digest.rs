//! The digest of a film, which depends on its pixels and not on its file.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use lungfield_radiograph::radiograph::{Pixels, Radiograph};

/// The prefix of the hashed bytes, so that the digest of a film is not the digest of anything else.
const DOMAIN: &[u8] = b"lungfield film 1\0";
/// The number of samples that are converted to bytes at a time.
const SAMPLES_AT_ONCE: usize = 4096;

/// The identity of a film: the SHA-256 of its decoded pixels.
///
/// The hashed bytes are a domain string, the width and the height in pixels as 32-bit little-endian numbers, the bits of
/// a sample (8 or 16) as one byte, and the samples row by row, little-endian. The pixel spacing is not hashed.
///
/// As text a digest has 64 lower-case hexadecimal digits; digits of either case are parsed.
///
/// ```
/// use lungfield_radiograph::geometry::Size;
/// use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
/// use lungfield_training::dataset::FilmDigest;
///
/// let size = Size::new(64, 48).expect("both sides are above 0");
/// let film = |seed| Phantom::draw(&PhantomOptions { seed, size, depth: Depth::Eight }).film;
/// let digest = FilmDigest::of(&film(1));
/// assert_eq!(digest, FilmDigest::of(&film(1)));
/// assert_ne!(digest, FilmDigest::of(&film(2)));
/// assert_eq!(digest.to_string().parse(), Ok(digest));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilmDigest([u8; 32]);

/// A text that is not a digest of a film.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a film's sha256 has 64 hexadecimal digits")]
pub struct InvalidDigest;

impl FilmDigest {
    /// Computes the digest of a film.
    #[must_use]
    pub fn of(film: &Radiograph) -> Self {
        let mut hash = Sha256::new_with_prefix(DOMAIN);
        hash.update(film.size().width().to_le_bytes());
        hash.update(film.size().height().to_le_bytes());
        match film.pixels() {
            Pixels::Eight(values) => {
                hash.update([8]);
                hash.update(values);
            }
            Pixels::Sixteen(values) => {
                hash.update([16]);
                hash_sixteen(&mut hash, values);
            }
        }
        Self(hash.finalize().into())
    }
}

fn hash_sixteen(hash: &mut Sha256, values: &[u16]) {
    let mut bytes = Vec::with_capacity(2 * SAMPLES_AT_ONCE);
    for values in values.chunks(SAMPLES_AT_ONCE) {
        bytes.clear();
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        hash.update(&bytes);
    }
}

impl fmt::Display for FilmDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for FilmDigest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let mut bytes = [0; 32];
        let pairs = text.as_bytes().chunks(2);
        if text.len() != 2 * bytes.len() {
            return Err(InvalidDigest);
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

fn digit(character: u8) -> Result<u8, InvalidDigest> {
    let value = char::from(character).to_digit(16).ok_or(InvalidDigest)?;
    Ok(u8::try_from(value).expect("a hexadecimal digit is below 16"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lungfield_codec::{Limits, decode, png};
    use lungfield_radiograph::geometry::Size;
    use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
    use lungfield_radiograph::radiograph::PixelSpacing;

    fn film(width: u32, height: u32, pixels: Pixels) -> Radiograph {
        Radiograph::new(Size::new(width, height).unwrap(), pixels, None).unwrap()
    }

    #[test]
    fn the_digest_is_that_of_the_documented_bytes() {
        let deep = film(2, 1, Pixels::Sixteen(vec![0x0102, 0xfffe]));
        let bytes = b"lungfield film 1\0\x02\0\0\0\x01\0\0\0\x10\x02\x01\xfe\xff";
        assert_eq!(
            FilmDigest::of(&deep).0,
            <[u8; 32]>::from(Sha256::digest(bytes))
        );
        let eight = film(1, 2, Pixels::Eight(vec![7, 9]));
        let bytes = b"lungfield film 1\0\x01\0\0\0\x02\0\0\0\x08\x07\x09";
        assert_eq!(
            FilmDigest::of(&eight).0,
            <[u8; 32]>::from(Sha256::digest(bytes))
        );
    }

    #[test]
    fn a_long_film_is_hashed_to_its_last_sample() {
        let values = |last| [vec![5; SAMPLES_AT_ONCE + 1], vec![last]].concat();
        let width = u32::try_from(SAMPLES_AT_ONCE).unwrap() + 2;
        let digest = |last| FilmDigest::of(&film(width, 1, Pixels::Sixteen(values(last))));
        assert_ne!(digest(1), digest(2));
    }

    #[test]
    fn the_file_does_not_matter_and_the_pixels_do() {
        let options = PhantomOptions {
            seed: 1,
            size: Size::new(64, 48).unwrap(),
            depth: Depth::Twelve,
        };
        let drawn = Phantom::draw(&options).film;
        let read = decode(&png::encode_radiograph(&drawn), &Limits::default()).unwrap();
        assert_eq!(FilmDigest::of(&drawn), FilmDigest::of(&read));
        let spaced = Radiograph::new(
            drawn.size(),
            drawn.pixels().clone(),
            PixelSpacing::new(0.1, 0.1),
        )
        .unwrap();
        assert_eq!(FilmDigest::of(&drawn), FilmDigest::of(&spaced));

        let small = [
            film(4, 1, Pixels::Eight(vec![1, 0, 2, 0])),
            film(1, 4, Pixels::Eight(vec![1, 0, 2, 0])),
            film(2, 2, Pixels::Eight(vec![1, 0, 2, 0])),
            film(2, 1, Pixels::Sixteen(vec![1, 2])),
            film(4, 1, Pixels::Sixteen(vec![1, 0, 2, 0])),
            film(4, 1, Pixels::Eight(vec![1, 0, 2, 1])),
        ];
        let digests: std::collections::BTreeSet<_> = small.iter().map(FilmDigest::of).collect();
        assert_eq!(digests.len(), small.len());
    }

    #[test]
    fn a_digest_is_written_and_read() {
        let digest = FilmDigest::of(&film(1, 1, Pixels::Eight(vec![0])));
        let text = digest.to_string();
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text.to_uppercase().parse(), Ok(digest));
        let sign = format!("+{}", &text[1..]);
        let accent = format!("é{}", &text[2..]);
        for bad in [
            "",
            &text[1..],
            &format!("{text}0"),
            &text.replace(&text[..1], "g"),
            &sign,
            &accent,
        ] {
            assert_eq!(bad.parse::<FilmDigest>(), Err(InvalidDigest), "{bad}");
        }
    }
}
