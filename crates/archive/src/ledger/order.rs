//! Defines the settings that a ledger records, and compares them.

use serde::{Deserialize, Serialize};

use crate::shard::Shard;
use lungfield_codec::ModelIdentity;
use lungfield_model::device::Precision;

/// The settings of a run. A run with other settings can't continue it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The version of the format of the ledger.
    pub format: u32,
    /// The inputs, as they were given.
    pub inputs: Vec<String>,
    /// The list, as it was given.
    pub list: Option<String>,
    /// The folder of reference masks.
    pub reference: Option<String>,
    /// The part of the films that the run segments.
    pub shard: Shard,
    /// The file extension of the masks.
    pub mask: String,
    /// The probability from which on a pixel is lung.
    pub threshold: f32,
    /// The largest number of pixels of a film.
    pub max_pixels: u64,
    /// The largest file of a film, in bytes.
    pub max_file_bytes: u64,
    /// The precision in which the model computes.
    pub precision: Precision,
    /// The SHA-256 of the list, if it is a file.
    pub list_sha256: Option<String>,
    /// The model.
    #[serde(flatten, with = "model_columns")]
    pub model: ModelIdentity,
}

impl Order {
    /// Returns the names of the settings that differ from those of another run, separated by commas.
    #[must_use]
    pub fn differences(&self, other: &Self) -> String {
        let fields = |order| match serde_json::to_value(order) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => unreachable!("an order is a JSON object"),
        };
        let (own, other) = (fields(self), fields(other));
        let differing = own
            .iter()
            .filter(|(name, value)| other.get(*name) != Some(value));
        differing
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Writes the identity of a model as three of the settings.
mod model_columns {
    use lungfield_codec::ModelIdentity;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Columns {
        model_name: String,
        model_version: String,
        weights_sha256: String,
    }

    pub(super) fn serialize<S: Serializer>(
        model: &ModelIdentity,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let ModelIdentity {
            name,
            version,
            weights_sha256,
        } = model.clone();
        let columns = Columns {
            model_name: name,
            model_version: version,
            weights_sha256,
        };
        columns.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ModelIdentity, D::Error> {
        let columns = Columns::deserialize(deserializer)?;
        Ok(ModelIdentity {
            name: columns.model_name,
            version: columns.model_version,
            weights_sha256: columns.weights_sha256,
        })
    }
}
