//! Decides what new objects are called: by chance, or by what they are made of.
//!
//! A UID is that of a UUID (PS3.5, B.2): `2.25.` and its 128 bits as a decimal number.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Algorithm, Origin, SOFTWARE, Wanted};
use lungfield_radiograph::mask::Threshold;

/// How UIDs are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// New ones for every answer.
    #[default]
    Random,
    /// The same for the same film, model, threshold and kind of object: what is stored a second time takes the place of the first.
    Derived,
}

/// Names what belongs to one object.
#[derive(Clone, Debug)]
pub(super) struct Namer(Sha256);

impl Namer {
    pub(super) fn new(wanted: &Wanted, origin: &Origin, threshold: Threshold) -> Self {
        let mut seed = Sha256::new();
        match wanted.naming {
            Naming::Random => seed.update(Uuid::now_v7()),
            Naming::Derived => {
                let Algorithm {
                    name,
                    version,
                    weights_sha256,
                } = &*wanted.algorithm;
                let (threshold, kind) = (threshold.get().to_string(), format!("{:?}", wanted.kind));
                for part in [
                    origin.instance(),
                    name,
                    version,
                    weights_sha256,
                    &threshold,
                    &kind,
                    SOFTWARE,
                ] {
                    seed.update(part);
                    seed.update([0]);
                }
            }
        }
        Self(seed)
    }

    /// The UID of the one thing that has this role in the object.
    pub(super) fn uid(&self, role: &str) -> String {
        let digest = self.0.clone().chain_update(role).finalize();
        let bytes = digest.first_chunk().expect("a hash of 32 bytes has 16");
        format!(
            "2.25.{}",
            uuid::Builder::from_custom_bytes(*bytes)
                .into_uuid()
                .as_u128()
        )
    }
}
