//! The identity of a model, as every answer and every written object states it.

use serde::{Deserialize, Serialize};

/// The name, version and weights of a model.
///
/// ```
/// use lungfield_codec::ModelIdentity;
///
/// let model = ModelIdentity {
///     name: "lungfield-segnet".to_owned(),
///     version: "1.0.0".to_owned(),
///     weights_sha256: "0".repeat(64),
/// };
/// assert_eq!(model.label(), "lungfield-segnet/1.0.0");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The SHA-256 of the weights file, in hexadecimal.
    pub weights_sha256: String,
}

impl ModelIdentity {
    /// Returns name and version as one word, `NAME/VERSION`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }
}
