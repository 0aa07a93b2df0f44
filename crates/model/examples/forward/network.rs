//! A network of random weights and a film for it. The cost of a forward pass does not depend on their values.

use std::num::NonZeroU16;

use lungfield_model::network::{Network, Plan};
use lungfield_radiograph::geometry::ModelInput;
use tch::nn::VarStore;
use tch::{Device, Kind, TchError};

pub(crate) fn plan(width: NonZeroU16, device: Device, kind: Kind) -> Result<Plan, TchError> {
    tch::manual_seed(1);
    let store = VarStore::new(Device::Cpu);
    let network = Network::SegNet { width };
    let _modules = network.modules(&store.root(), Kind::Float);
    network.plan(&store.variables(), device, kind)
}

pub(crate) fn film(side: u32) -> ModelInput {
    let values = (0..side * side)
        .map(|place| (place % 97) as f32 / 48.0 - 1.0)
        .collect();
    ModelInput::new(side, values).expect("the plane is square")
}
