//! Chooses the UIDs of new objects: at random, or derived from what the object is made of.
//!
//! A UID is that of a UUID (PS3.5, B.2): `2.25.` and its 128 bits as a decimal number.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{ObjectKind, Origin, Provenance};
use lungfield_radiograph::mask::Threshold;

/// How the UIDs of an object are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UidPolicy {
    /// New UIDs for every object.
    #[default]
    Random,
    /// The same UIDs for the same film, model, threshold, software version and kind of object: an object that is stored again replaces
    /// the first one.
    Derived,
}

/// A source of the UIDs of one object.
#[derive(Clone, Debug)]
pub(super) struct Namer(Sha256);

impl Namer {
    pub(super) fn new(
        provenance: &Provenance,
        origin: &Origin,
        threshold: Threshold,
        kind: ObjectKind,
    ) -> Self {
        let mut seed = Sha256::new();
        match provenance.uids {
            UidPolicy::Random => seed.update(Uuid::now_v7()),
            UidPolicy::Derived => {
                let model = &provenance.model;
                for part in [
                    origin.instance(),
                    &model.name,
                    &model.version,
                    &model.weights_sha256,
                    &threshold.get().to_string(),
                    kind.uid_part(),
                    &provenance.software_version,
                ] {
                    seed.update(part);
                    seed.update([0]);
                }
            }
        }
        Self(seed)
    }

    /// Returns the UID of the one thing that has this role in the object.
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
