//! The network of a training run. Only this module knows which architecture a recipe stands for.

use std::collections::HashMap;

use tch::nn::{ModuleT, Path};
use tch::{Device, Kind, TchError, Tensor};

use super::recipe::Recipe;
use lungfield_model::manifest::Network;
use lungfield_model::network::plan::Plan;
use lungfield_model::network::segnet::SegNet;

/// Describes the network of a recipe, for the manifest.
pub(super) fn describe(recipe: &Recipe) -> Network {
    Network::SegNet {
        width: recipe.width,
    }
}

/// Builds the modules of the network to train. Their variables are registered at `path`, with random values.
pub(super) fn build(recipe: &Recipe, path: &Path) -> Box<dyn ModuleT> {
    Box::new(SegNet::new(path, recipe.width, recipe.precision.kind()))
}

/// Folds trained weights into a plan for inference in 32 bits, as the model directory is served.
pub(super) fn fold(
    recipe: &Recipe,
    weights: &HashMap<String, Tensor>,
    device: Device,
) -> Result<Plan, TchError> {
    let plan = Plan::fold(weights, recipe.width, device, Kind::Float)?;
    Ok(plan.flip_averaging(recipe.flip_averaging))
}
