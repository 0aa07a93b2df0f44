//! Decides how the SegNet is trained: tch modules with batch normalisation, whose variables make the weights file.

use std::num::NonZeroU16;

use tch::nn::{self, ModuleT};
use tch::{Kind, Tensor};

use super::layout::{Convolution, Layout, NORM_EPSILON};
use super::memory::channels_last;

/// A SegNet in training: its variables live in the store whose path it was built on, in 32 bits.
#[derive(Debug)]
pub struct SegNet {
    encoder: Vec<Vec<Layer>>,
    decoder: Vec<Vec<Layer>>,
    head: nn::Conv2D,
    kind: Kind,
}

/// A convolution, its batch normalisation and its `ReLU`.
#[derive(Debug)]
struct Layer {
    convolution: nn::Conv2D,
    norm: nn::BatchNorm,
}

impl SegNet {
    /// A SegNet with freshly drawn weights (He et al. 2015). Seed libtorch before for weights that can be repeated.
    ///
    /// `kind` is what the forward pass computes in. Below 32 bits the convolutions take copies of the weights that are
    /// made for the pass; gradients reach the 32-bit weights, and batch normalisation keeps its statistics in 32 bits.
    #[must_use]
    pub fn new(path: &nn::Path, width: NonZeroU16, kind: Kind) -> Self {
        let layout = Layout::new(width);
        let blocks = |blocks: &[Vec<Convolution>]| {
            blocks
                .iter()
                .map(|block| block.iter().map(|conv| Layer::new(path, conv)).collect())
                .collect()
        };
        let encoder = blocks(&layout.encoder);
        let decoder = blocks(&layout.decoder);
        let head = convolution(&at(path, &layout.head.name), &layout.head);
        Self {
            encoder,
            decoder,
            head,
            kind,
        }
    }
}

impl ModuleT for SegNet {
    /// Planes `[n, 1, side, side]` in, 32-bit logits of the same shape out; `side` is a multiple of 32.
    ///
    /// # Panics
    /// On another shape, as every tch module does.
    fn forward_t(&self, planes: &Tensor, train: bool) -> Tensor {
        let mut x = planes.to_kind(self.kind);
        let mut poolings = Vec::with_capacity(self.encoder.len());
        for block in &self.encoder {
            x = block.iter().fold(x, |x, layer| layer.forward_t(&x, train));
            let (pooled, indices) =
                x.max_pool2d_with_indices([2, 2], [2, 2], [0, 0], [1, 1], false);
            poolings.push((indices, x.size()));
            x = pooled;
        }
        for block in &self.decoder {
            let (indices, size) = poolings
                .pop()
                .expect("the decoder has as many blocks as the encoder");
            x = x.max_unpool2d(&indices, &size[2..]);
            x = block.iter().fold(x, |x, layer| layer.forward_t(&x, train));
        }
        convolve(&self.head, &x).to_kind(Kind::Float)
    }
}

impl Layer {
    fn new(path: &nn::Path, spec: &Convolution) -> Self {
        let path = at(path, &spec.name);
        let config = nn::BatchNormConfig {
            eps: NORM_EPSILON,
            ws_init: nn::Init::Const(1.0),
            ..Default::default()
        };
        let norm = nn::batch_norm2d(&path / "norm", spec.outputs, config);
        Self {
            convolution: convolution(&path, spec),
            norm,
        }
    }
}

impl ModuleT for Layer {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {
        self.norm
            .forward_t(&convolve(&self.convolution, x), train)
            .relu_()
    }
}

/// A convolution in the precision of `x`. Channels-last weights spare oneDNN the reordering of every plane.
fn convolve(convolution: &nn::Conv2D, x: &Tensor) -> Tensor {
    let weight =
        channels_last(&convolution.ws.to_kind(x.kind())).expect("a kernel has four dimensions");
    let bias = convolution.bs.as_ref().map(|bias| bias.to_kind(x.kind()));
    x.conv2d(&weight, bias, [1, 1], [1, 1], [1, 1], 1)
}

/// A bias is left to the batch normalisation where one follows.
fn convolution(path: &nn::Path, spec: &Convolution) -> nn::Conv2D {
    let ws_init = nn::Init::Kaiming {
        dist: nn::init::NormalOrUniform::Normal,
        fan: nn::init::FanInOut::FanIn,
        non_linearity: nn::init::NonLinearity::ReLU,
    };
    let config = nn::ConvConfig {
        padding: 1,
        bias: !spec.normalised,
        ws_init,
        ..Default::default()
    };
    nn::conv2d(path / "conv", spec.inputs, spec.outputs, 3, config)
}

/// The path of a convolution, whose name is its path with dots.
fn at<'a>(path: &nn::Path<'a>, name: &str) -> nn::Path<'a> {
    name.split('.').fold(path.clone(), |path, part| path / part)
}

/// Redraws every variable of a store, running statistics included, so that a test meets no convenient zeros or ones.
#[cfg(test)]
pub(crate) fn randomise(store: &nn::VarStore) {
    let _guard = tch::no_grad_guard();
    for (name, mut tensor) in store.variables() {
        if name.ends_with("conv.weight") {
            continue;
        }
        let drawn = Tensor::rand(tensor.size(), (Kind::Float, tensor.device())) + 0.5;
        tensor.copy_(&drawn);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tch::Device;

    use super::*;

    #[test]
    fn its_variables_are_those_of_the_layout() {
        let width = NonZeroU16::new(2).unwrap();
        let store = nn::VarStore::new(Device::Cpu);
        let _network = SegNet::new(&store.root(), width, Kind::Float);
        let variables: BTreeMap<_, _> = store
            .variables()
            .into_iter()
            .map(|(name, t)| (name, t.size()))
            .collect();
        assert_eq!(
            variables,
            Layout::new(width).tensors().into_iter().collect()
        );
    }

    #[test]
    fn it_gives_one_logit_per_pixel() {
        let store = nn::VarStore::new(Device::Cpu);
        let network = SegNet::new(&store.root(), NonZeroU16::new(2).unwrap(), Kind::Float);
        let logits = network.forward_t(
            &Tensor::rand([3, 1, 64, 64], (Kind::Float, Device::Cpu)),
            true,
        );
        assert_eq!(logits.size(), [3, 1, 64, 64]);
    }

    /// The gradient of every variable after one backward pass over the same planes, from the same first weights.
    fn gradients(kind: Kind) -> BTreeMap<String, Tensor> {
        let width = NonZeroU16::new(4).unwrap();
        let store = nn::VarStore::new(Device::Cpu);
        let network = SegNet::new(&store.root(), width, kind);
        for (place, tensor) in store
            .variables()
            .into_iter()
            .collect::<BTreeMap<_, _>>()
            .values()
            .enumerate()
        {
            let count = i64::try_from(tensor.numel()).unwrap();
            let values =
                (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 0.37 + place as f64).sin();
            tensor.detach().copy_(&(values * 0.3 + 0.4).view_as(tensor));
        }
        let planes = (Tensor::arange(2 * 64 * 64, (Kind::Float, Device::Cpu)) * 0.01)
            .sin()
            .view([2, 1, 64, 64]);
        let logits = network.forward_t(&planes, true);
        assert_eq!(logits.kind(), Kind::Float);
        (&logits * &logits).mean(Kind::Float).backward();
        store
            .variables()
            .into_iter()
            .filter(|(_, t)| t.requires_grad())
            .map(|(n, t)| (n, t.grad()))
            .collect()
    }

    #[test]
    fn sixteen_bits_pass_gradients_to_the_weights_in_thirty_two() {
        for (name, gradient) in gradients(Kind::BFloat16) {
            assert_eq!(gradient.kind(), Kind::Float, "{name}");
            assert!(gradient.isfinite().all().int64_value(&[]) == 1, "{name}");
            assert!(
                gradient.abs().max().double_value(&[]) > 0.0,
                "{name} learns nothing"
            );
        }
    }
}
