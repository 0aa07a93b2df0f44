//! The networks that a model directory can hold.
//!
//! This module is the only one that knows which architectures there are: everything else asks a [`Network`] for its
//! tensors, its modules to train, and its plan to serve. An architecture has a folder of its own here. It describes its
//! convolutions once, so that modules, plan and weights file cannot differ.

mod convolution;
mod layer;
mod memory;
mod plan;
pub mod segnet;
mod served;
mod winograd;

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};
use tch::nn::{self, ModuleT};
use tch::{Device, Kind, TchError, Tensor};

pub use self::convolution::Convolution;
pub use self::plan::Plan;
use self::segnet::{SegNet, SegNetLayout, ServedSegNet};

/// The side of a model grid is a multiple of this, in pixels, whatever the network.
pub const SIDE_MULTIPLE: u32 = 32;

/// The architecture and size of a network, as a manifest states them.
///
/// # Examples
/// ```
/// use lungfield_model::network::Network;
///
/// let network: Network = serde_json::from_str(r#"{"architecture": "segnet", "width": 16}"#)?;
/// assert_eq!(network.architecture(), "segnet");
/// assert_eq!(network.width().get(), 16);
/// assert_eq!(network.to_string(), "SegNet, 16 channels in its first block");
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "architecture", rename_all = "lowercase")]
pub enum Network {
    /// The [SegNet](segnet).
    SegNet {
        /// The number of channels of its first block.
        width: NonZeroU16,
    },
}

impl Network {
    /// Returns the stable name of the architecture, as manifests and responses state it.
    #[must_use]
    pub fn architecture(self) -> &'static str {
        match self {
            Self::SegNet { .. } => "segnet",
        }
    }

    /// Returns the number of channels of the first block.
    #[must_use]
    pub fn width(self) -> NonZeroU16 {
        match self {
            Self::SegNet { width } => width,
        }
    }

    /// Returns the name and shape of every tensor in a weights file of this network.
    #[must_use]
    pub fn tensors(self) -> Vec<(String, Vec<i64>)> {
        match self {
            Self::SegNet { width } => SegNetLayout::new(width).tensors(),
        }
    }

    /// Builds the modules of the network to train, with random weights. Their variables are registered at `path`, in 32
    /// bits. Seed libtorch before for weights that can be repeated.
    ///
    /// The modules take planes `[n, 1, side, side]`, where `side` is a multiple of [`SIDE_MULTIPLE`], and return 32-bit
    /// logits of the same shape. The forward pass computes in `kind`.
    #[must_use]
    pub fn modules(self, path: &nn::Path, kind: Kind) -> Box<dyn ModuleT> {
        match self {
            Self::SegNet { width } => Box::new(SegNet::new(path, width, kind)),
        }
    }

    /// Builds the plan that serves trained `weights`, which it has by name, on a device and in a precision.
    ///
    /// # Errors
    /// Returns an error where a tensor of the network is missing or has another shape, or where libtorch cannot hold the
    /// plan on the device.
    pub fn plan(
        self,
        weights: &HashMap<String, Tensor>,
        device: Device,
        kind: Kind,
    ) -> Result<Plan, TchError> {
        let network = match self {
            Self::SegNet { width } => Box::new(ServedSegNet::fold(weights, width, device, kind)?),
        };
        Ok(Plan::new(network, device, kind))
    }
}

/// Writes the architecture and size for people.
impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SegNet { width } => {
                write!(formatter, "SegNet, {width} channels in its first block")
            }
        }
    }
}

/// Writes the shape of a tensor for an error text, as in `[16, 1, 3, 3]`.
pub(crate) fn shape_text(shape: &[i64]) -> String {
    let sides: Vec<_> = shape.iter().map(ToString::to_string).collect();
    format!("[{}]", sides.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_modules_have_the_tensors_that_the_network_states() {
        let network = Network::SegNet {
            width: NonZeroU16::new(2).unwrap(),
        };
        let store = nn::VarStore::new(Device::Cpu);
        let _modules = network.modules(&store.root(), Kind::Float);
        let variables: BTreeMap<_, _> = store
            .variables()
            .into_iter()
            .map(|(name, tensor)| (name, tensor.size()))
            .collect();
        assert_eq!(variables, network.tensors().into_iter().collect());
    }
}
