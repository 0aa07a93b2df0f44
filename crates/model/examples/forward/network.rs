//! A network of random weights and a film for it: what a forward pass costs does not hang on their values.

use std::num::NonZeroU16;

use lungfield_model::network::plan::Plan;
use lungfield_model::network::segnet::SegNet;
use lungfield_radiograph::geometry::ModelInput;
use tch::nn::VarStore;
use tch::{Device, Kind, TchError};

pub(crate) fn plan(width: NonZeroU16, device: Device, kind: Kind) -> Result<Plan, TchError> {
    tch::manual_seed(1);
    let store = VarStore::new(Device::Cpu);
    let _network = SegNet::new(&store.root(), width, Kind::Float);
    Plan::fold(&store.variables(), width, device, kind)
}

pub(crate) fn film(side: u32) -> ModelInput {
    let values = (0..side * side)
        .map(|place| (place % 97) as f32 / 48.0 - 1.0)
        .collect();
    ModelInput::new(side, values).expect("the plane is square")
}
