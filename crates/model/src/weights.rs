//! Reads and writes weights files: exactly the tensors of one network, by name, in safetensors.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Kind, TchError, Tensor};

use crate::network::{Network, shape_text};
use lungfield_support::{files, sha256};

/// The error of weights that can't be used, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file can't be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The file is not the one that the manifest was written for.
    #[error("the weights have the sha256 {found}, the manifest says {expected}")]
    Changed {
        /// The hash in the manifest.
        expected: String,
        /// The hash of the file.
        found: String,
    },
    /// The file is not a safetensors file, or libtorch can't hold its tensors.
    #[error("the weights can't be read: {0}")]
    Unreadable(#[from] TchError),
    /// The file holds other tensors than the network has.
    #[error("the weights are not those of the network in the manifest ({network}): {difference}")]
    Mismatch {
        /// The network.
        network: Network,
        /// The first tensor that is missing, unknown or of another shape.
        difference: String,
    },
}

/// Reads the weights of a network from a file whose SHA-256 is `expected`.
///
/// The hash is checked first, then the name and shape of every tensor: libtorch would ignore a surplus tensor, and
/// broadcast one of another shape.
///
/// # Errors
/// Returns an error where the file can't be read, or is not the file of this hash, or not one of this network.
pub fn read(
    path: &Path,
    expected: &str,
    network: Network,
) -> Result<HashMap<String, Tensor>, WeightsError> {
    let bytes = fs_err::read(path)?;
    let found = sha256::hex(&bytes);
    if found != expected {
        return Err(WeightsError::Changed {
            expected: expected.to_owned(),
            found,
        });
    }
    let tensors = parse(&bytes)?.tensors;
    check(&tensors, network)?;
    Ok(tensors)
}

/// Writes weights to a file, whole or not at all, and returns the SHA-256 of the file in hexadecimal.
///
/// # Errors
/// Returns an error where libtorch can't read a tensor, or the file can't be written.
pub fn write(path: &Path, weights: &HashMap<String, Tensor>) -> Result<String, WeightsError> {
    let named = weights.iter().map(|(name, tensor)| (name.clone(), tensor));
    let bytes = serialise(&named.collect(), None)?;
    files::replace(path, &bytes)?;
    Ok(sha256::hex(&bytes))
}

/// The content of a safetensors file.
#[derive(Debug)]
pub struct Stored {
    /// The tensors, by name, on the CPU in 32 bits.
    pub tensors: HashMap<String, Tensor>,
    /// The other entries of the file's header.
    pub header: HashMap<String, String>,
}

/// Returns the bytes of a safetensors file of tensors in 32 bits. The same tensors give the same bytes.
///
/// # Errors
/// Returns an error where libtorch can't read a tensor.
///
/// # Examples
/// ```
/// use std::collections::BTreeMap;
///
/// use lungfield_model::weights;
/// use tch::Tensor;
///
/// let bias = Tensor::from_slice(&[0.5_f32, -1.0]);
/// let bytes = weights::serialise(&BTreeMap::from([("head.bias".to_owned(), &bias)]), None)?;
/// let read = weights::parse(&bytes)?;
/// assert_eq!(read.tensors["head.bias"], bias);
/// # Ok::<_, tch::TchError>(())
/// ```
pub fn serialise(
    tensors: &BTreeMap<String, &Tensor>,
    header: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, TchError> {
    let views = tensors
        .iter()
        .map(|(name, tensor)| Ok((name, bytes_of(tensor)?)));
    let views = views.collect::<Result<Vec<_>, TchError>>()?;
    let views = views.iter().map(|(name, (shape, bytes))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        (
            name,
            view.expect("a tensor has as many bytes as its shape says"),
        )
    });
    Ok(safetensors::serialize(views, header).expect("32-bit tensors in memory fit a file"))
}

/// Returns the shape of a tensor, and its values in 32 bits.
fn bytes_of(tensor: &Tensor) -> Result<(Vec<usize>, Vec<u8>), TchError> {
    let shape = tensor
        .size()
        .into_iter()
        .map(|side| usize::try_from(side).expect("a side is no less than 0"));
    let values = Vec::<f32>::try_from(tensor.f_detach()?.f_to_kind(Kind::Float)?.f_reshape(-1)?)?;
    Ok((
        shape.collect(),
        values.into_iter().flat_map(f32::to_le_bytes).collect(),
    ))
}

/// Reads the bytes of a safetensors file of 32-bit tensors.
///
/// # Errors
/// Returns an error where the bytes are not such a file, or libtorch can't hold a tensor.
pub fn parse(bytes: &[u8]) -> Result<Stored, TchError> {
    let unreadable = |cause: safetensors::SafeTensorError| TchError::Convert(cause.to_string());
    let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let tensor = |view: &TensorView<'_>| {
        let shape: Vec<i64> = view
            .shape()
            .iter()
            .map(|&side| i64::try_from(side).unwrap_or(i64::MAX))
            .collect();
        if view.dtype() != Dtype::F32 {
            return Err(TchError::Convert(format!(
                "a tensor has the type {}, not F32",
                view.dtype()
            )));
        }
        Tensor::f_from_data_size(view.data(), &shape, Kind::Float)
    };
    let tensors = file
        .tensors()
        .into_iter()
        .map(|(name, view)| Ok((name, tensor(&view)?)));
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    let header = metadata.metadata().clone().unwrap_or_default();
    Ok(Stored {
        tensors: tensors.collect::<Result<_, TchError>>()?,
        header,
    })
}

fn check(tensors: &HashMap<String, Tensor>, network: Network) -> Result<(), WeightsError> {
    let mismatch = |difference| {
        Err(WeightsError::Mismatch {
            network,
            difference,
        })
    };
    let expected: HashMap<_, _> = network.tensors().into_iter().collect();
    for (name, shape) in &expected {
        match tensors.get(name) {
            None => return mismatch(format!("{name} is missing")),
            Some(tensor) if &tensor.size() != shape => {
                return mismatch(format!(
                    "{name} has the shape {}, not {}",
                    shape_text(&tensor.size()),
                    shape_text(shape)
                ));
            }
            Some(_) => {}
        }
    }
    match tensors.keys().find(|name| !expected.contains_key(*name)) {
        Some(name) => mismatch(format!("{name} is unknown")),
        None => Ok(()),
    }
}
