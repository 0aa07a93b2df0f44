//! The manifest of a model directory: the only place where preprocessing, threshold and golden phantom are written down.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::golden::Golden;
use crate::network::{Network, SIDE_MULTIPLE};
use lungfield_codec::ModelIdentity;
use lungfield_radiograph::mask::Threshold;
use lungfield_radiograph::preprocess::{InvalidOptions, PreprocessOptions, Preprocessor};
use lungfield_support::files;

/// The name of the manifest file in a model directory.
pub const MANIFEST: &str = "manifest.json";
/// The name of the weights file in a model directory.
pub const WEIGHTS: &str = "model.safetensors";
/// The format of manifests that this version reads and writes.
const FORMAT: u32 = 1;

/// The largest number of characters of a name or a version. DICOM stores both as a long string (PS3.5, 6.2), in which a
/// backslash separates two values.
const LONGEST_NAME: usize = 64;
/// The rule of [`is_name`], for an error text.
pub const NAME_RULE: &str = "it needs 1 to 64 printable ASCII characters, and no backslash";

/// Returns whether `name` can be the name or the version of a model: headers and DICOM objects must be able to hold it.
///
/// # Examples
/// ```
/// use lungfield_model::manifest::is_name;
///
/// assert!(is_name("lungfield-segnet"));
/// assert!(!is_name("") && !is_name("two\nlines") && !is_name("Röntgen"));
/// ```
#[must_use]
pub fn is_name(name: &str) -> bool {
    let allowed = |byte| (b' '..=b'~').contains(&byte) && byte != b'\\';
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed)
}

/// Everything that is known of a model but its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "ManifestFile", into = "ManifestFile")]
pub struct Manifest {
    /// The format of the file.
    format: u32,
    /// The model's name and version, and the hash of its weights file.
    pub model: ModelIdentity,
    /// The terms on which the weights may be used, as an SPDX expression or a sentence.
    pub license: String,
    /// The network.
    pub network: Network,
    /// What happens to a film before the network sees it.
    pub preprocessing: PreprocessOptions,
    /// Whether each film is segmented together with its mirror image and the two averaged, at twice the cost.
    pub flip_averaging: bool,
    /// The probability from which on a pixel is lung, unless a caller says otherwise.
    pub threshold: Threshold,
    /// The film by which a server checks itself.
    pub golden: Golden,
    /// How the weights came about; for readers, not for programs.
    pub training: serde_json::Value,
}

/// A manifest as its file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    format: u32,
    name: String,
    version: String,
    license: String,
    network: Network,
    weights_sha256: String,
    preprocessing: PreprocessOptions,
    #[serde(default)]
    flip_averaging: bool,
    threshold: Threshold,
    golden: Golden,
    training: serde_json::Value,
}

impl From<ManifestFile> for Manifest {
    fn from(file: ManifestFile) -> Self {
        Self {
            format: file.format,
            model: ModelIdentity {
                name: file.name,
                version: file.version,
                weights_sha256: file.weights_sha256,
            },
            license: file.license,
            network: file.network,
            preprocessing: file.preprocessing,
            flip_averaging: file.flip_averaging,
            threshold: file.threshold,
            golden: file.golden,
            training: file.training,
        }
    }
}

impl From<Manifest> for ManifestFile {
    fn from(manifest: Manifest) -> Self {
        Self {
            format: manifest.format,
            name: manifest.model.name,
            version: manifest.model.version,
            license: manifest.license,
            network: manifest.network,
            weights_sha256: manifest.model.weights_sha256,
            preprocessing: manifest.preprocessing,
            flip_averaging: manifest.flip_averaging,
            threshold: manifest.threshold,
            golden: manifest.golden,
            training: manifest.training,
        }
    }
}

/// The error of a manifest that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The model directory or its manifest is missing or can't be read.
    #[error("there is no readable model in {directory}: {cause}")]
    Missing {
        /// The model directory.
        directory: PathBuf,
        /// The error of the file system.
        cause: io::Error,
    },
    /// The file is not a manifest.
    #[error("{path} is not a manifest: {cause}")]
    Malformed {
        /// The manifest.
        path: PathBuf,
        /// The error of the JSON.
        cause: serde_json::Error,
    },
    /// The manifest has a format that this version does not read.
    #[error("{path} has the format {found}; this version reads {FORMAT}")]
    Format {
        /// The manifest.
        path: PathBuf,
        /// The format of the manifest.
        found: u32,
    },
    /// The name or the version breaks the rule of [`is_name`].
    #[error("{path}: name and version: {NAME_RULE}")]
    Name {
        /// The manifest.
        path: PathBuf,
    },
    /// The preprocessing is impossible.
    #[error(transparent)]
    Preprocessing(#[from] InvalidOptions),
    /// The network can't work on planes of this side.
    #[error("a model side of {0} is not a multiple of {SIDE_MULTIPLE}")]
    Side(u32),
}

/// The content of a new manifest that is known before training.
#[derive(Clone, Debug)]
pub struct Description {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The terms on which the weights may be used.
    pub license: String,
    /// The network.
    pub network: Network,
    /// What happens to a film before the network sees it.
    pub preprocessing: PreprocessOptions,
    /// Whether each film is segmented together with its mirror image.
    pub flip_averaging: bool,
    /// How the weights came about.
    pub training: serde_json::Value,
}

impl Manifest {
    /// Creates the manifest of weights that were just trained.
    #[must_use]
    pub fn new(
        description: Description,
        threshold: Threshold,
        weights_sha256: String,
        golden: Golden,
    ) -> Self {
        let Description {
            name,
            version,
            license,
            network,
            preprocessing,
            flip_averaging,
            training,
        } = description;
        Self {
            format: FORMAT,
            model: ModelIdentity {
                name,
                version,
                weights_sha256,
            },
            license,
            network,
            preprocessing,
            flip_averaging,
            threshold,
            golden,
            training,
        }
    }

    /// Reads and checks the manifest of a model directory.
    ///
    /// # Errors
    /// Returns an error where there is no manifest, or it can't be used.
    ///
    /// # Examples
    /// ```
    /// use std::path::Path;
    ///
    /// use lungfield_model::manifest::Manifest;
    ///
    /// let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/lungfield-segnet");
    /// let manifest = Manifest::read(&directory)?;
    /// assert_eq!(manifest.network.architecture(), "segnet");
    /// assert_eq!(manifest.preprocessing.side, 384);
    /// # Ok::<_, lungfield_model::manifest::ManifestError>(())
    /// ```
    pub fn read(directory: &Path) -> Result<Self, ManifestError> {
        let path = directory.join(MANIFEST);
        let missing = |cause| ManifestError::Missing {
            directory: directory.to_owned(),
            cause,
        };
        let text = std::fs::read(&path).map_err(missing)?;
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|cause| ManifestError::Malformed {
                path: path.clone(),
                cause,
            })?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format {
                path,
                found: manifest.format,
            });
        }
        if ![&manifest.model.name, &manifest.model.version]
            .into_iter()
            .all(|name| is_name(name))
        {
            return Err(ManifestError::Name { path });
        }
        manifest.preprocessor()?;
        Ok(manifest)
    }

    /// Writes the manifest into a model directory, whole or not at all.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let mut text =
            serde_json::to_string_pretty(self).expect("a manifest has nothing that JSON lacks");
        text.push('\n');
        files::replace(&directory.join(MANIFEST), text.as_bytes())
    }

    /// Returns the preprocessor that the model was trained with.
    ///
    /// # Errors
    /// Returns an error where the options are impossible. A manifest that was read has none such.
    pub fn preprocessor(&self) -> Result<Preprocessor, ManifestError> {
        let side = self.preprocessing.side;
        if !side.is_multiple_of(SIDE_MULTIPLE) {
            return Err(ManifestError::Side(side));
        }
        Ok(Preprocessor::new(self.preprocessing.clone())?)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;
    use crate::golden::tests::golden;

    fn manifest() -> Manifest {
        let description = Description {
            name: "test".to_owned(),
            version: "0.0.1".to_owned(),
            license: "none".to_owned(),
            network: Network::SegNet {
                width: NonZeroU16::new(2).unwrap(),
            },
            preprocessing: PreprocessOptions {
                side: 64,
                ..PreprocessOptions::default()
            },
            flip_averaging: false,
            training: serde_json::json!({"iterations": 0}),
        };
        Manifest::new(description, Threshold::HALF, "00".to_owned(), golden())
    }

    fn with(pointer: &str, value: serde_json::Value) -> Result<Manifest, ManifestError> {
        let folder = tempfile::tempdir().unwrap();
        let mut json = serde_json::to_value(manifest()).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        fs_err::write(folder.path().join(MANIFEST), json.to_string()).unwrap();
        Manifest::read(folder.path())
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        manifest().write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest());
    }

    #[test]
    fn each_wrong_manifest_is_refused_for_its_own_reason() {
        assert!(matches!(
            with("/format", 9.into()),
            Err(ManifestError::Format { found: 9, .. })
        ));
        for bad in [
            "",
            "a\\b",
            "Lungenmodell für Röntgen",
            "two\nlines",
            &"x".repeat(65),
        ] {
            assert!(
                matches!(with("/name", bad.into()), Err(ManifestError::Name { .. })),
                "{bad:?}"
            );
            assert!(
                matches!(
                    with("/version", bad.into()),
                    Err(ManifestError::Name { .. })
                ),
                "{bad:?}"
            );
        }
        assert!(matches!(
            with("/threshold", 1.5.into()),
            Err(ManifestError::Malformed { .. })
        ));
        assert!(matches!(
            with("/network/width", 0.into()),
            Err(ManifestError::Malformed { .. })
        ));
        assert!(matches!(
            with("/network/architecture", "unet".into()),
            Err(ManifestError::Malformed { .. })
        ));
        assert!(matches!(
            with("/preprocessing/side", 100.into()),
            Err(ManifestError::Side(100))
        ));
        assert!(matches!(
            with("/preprocessing/lower_percentile", 99.9.into()),
            Err(ManifestError::Preprocessing(_))
        ));
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = Manifest::read(Path::new("/nowhere/at-all")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at-all"), "{error}");
    }
}
