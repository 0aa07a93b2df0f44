//! Decides what a weights file holds: exactly the tensors of one SegNet, by name, in safetensors.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU16;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Kind, TchError, Tensor};

use crate::network::layout::Layout;
use lungfield_support::{files, sha256};

/// Weights that can't be used, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file can't be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The file is not the one that the manifest was written for.
    #[error("the weights have the sha256 {found}, the manifest says {expected}")]
    Changed {
        /// What the manifest says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// The file is no safetensors file, or libtorch can't hold its tensors.
    #[error("the weights can't be read: {0}")]
    Unreadable(#[from] TchError),
    /// The file holds other tensors than the network has.
    #[error("the weights are not those of a SegNet of width {width}: {difference}")]
    Mismatch {
        /// The width of the network.
        width: NonZeroU16,
        /// The first tensor that is missing, unknown or of another shape.
        difference: String,
    },
}

/// The weights in a file, its sha256 first, then every name and shape checked: libtorch would take no notice of
/// a tensor too many and stretch one of another shape.
pub fn read(
    path: &Path,
    expected: &str,
    width: NonZeroU16,
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
    check(&tensors, width)?;
    Ok(tensors)
}

/// Writes weights whole or not at all, and returns the file's sha256 in hexadecimal.
pub fn write(path: &Path, weights: &HashMap<String, Tensor>) -> Result<String, WeightsError> {
    let named = weights.iter().map(|(name, tensor)| (name.clone(), tensor));
    let bytes = serialise(&named.collect(), None)?;
    files::replace(path, &bytes)?;
    Ok(sha256::hex(&bytes))
}

/// What a safetensors file holds.
#[derive(Debug)]
pub struct Stored {
    /// The tensors, by name, on the CPU in 32 bits.
    pub tensors: HashMap<String, Tensor>,
    /// What the file's header says besides.
    pub header: HashMap<String, String>,
}

/// A safetensors file of tensors in 32 bits; the same tensors give the same bytes.
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

/// Reads a safetensors file of 32-bit tensors.
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
                "a tensor of type {:?}, not F32",
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

fn check(tensors: &HashMap<String, Tensor>, width: NonZeroU16) -> Result<(), WeightsError> {
    let mismatch = |difference| Err(WeightsError::Mismatch { width, difference });
    let expected: HashMap<_, _> = Layout::new(width).tensors().into_iter().collect();
    for (name, shape) in &expected {
        match tensors.get(name) {
            None => return mismatch(format!("{name} is missing")),
            Some(tensor) if &tensor.size() != shape => {
                return mismatch(format!(
                    "{name} has the shape {:?}, not {shape:?}",
                    tensor.size()
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
