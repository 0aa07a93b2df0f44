//! The network that a recipe or a manifest stands for. No other module of this crate knows architectures.

use std::collections::HashMap;

use tch::nn::{ModuleT, Path};
use tch::{Device, Kind, TchError, Tensor};

use crate::train::recipe::Recipe;
use lungfield_model::manifest::Network;
use lungfield_model::network::plan::Plan;
use lungfield_model::network::segnet::SegNet;

/// Describes the network of a recipe, for the manifest.
pub(crate) fn describe(recipe: &Recipe) -> Network {
    Network::SegNet {
        width: recipe.width,
    }
}

/// Builds the modules of the network to train. Their variables are registered at `path`, with random values.
pub(crate) fn build(recipe: &Recipe, path: &Path) -> Box<dyn ModuleT> {
    Box::new(SegNet::new(path, recipe.width, recipe.precision.kind()))
}

/// Folds trained weights into a plan for inference in 32 bits, as the model directory is served.
pub(crate) fn fold(
    recipe: &Recipe,
    weights: &HashMap<String, Tensor>,
    device: Device,
) -> Result<Plan, TchError> {
    let plan = Plan::fold(weights, recipe.width, device, Kind::Float)?;
    Ok(plan.flip_averaging(recipe.flip_averaging))
}

/// Returns the channels of the first block of a network.
pub(crate) fn width(network: Network) -> u16 {
    match network {
        Network::SegNet { width } => width.get(),
    }
}

/// Describes a network to people.
pub(crate) fn in_words(network: Network) -> String {
    match network {
        Network::SegNet { width } => format!("SegNet, {width} channels in its first block"),
    }
}
