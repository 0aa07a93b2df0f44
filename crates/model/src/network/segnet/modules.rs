//! The SegNet as it is trained: tch modules, whose variables make the weights file.

use std::num::NonZeroU16;

use tch::nn::{self, ModuleT};
use tch::{Kind, Tensor};

use super::SegNetLayout;
use crate::network::Convolution;
use crate::network::layer::{Layer, convolve, head};

/// A SegNet to train. Its variables are in the store whose path it was built on, in 32 bits.
#[derive(Debug)]
pub(crate) struct SegNet {
    encoder: Vec<Vec<Layer>>,
    decoder: Vec<Vec<Layer>>,
    head: nn::Conv2D,
    kind: Kind,
}

impl SegNet {
    /// Builds a SegNet with random weights (He et al. 2015).
    ///
    /// The forward pass computes in `kind`. Below 32 bits the convolutions use copies of the weights that are made for
    /// the pass. Gradients reach the 32-bit weights, and batch normalisation keeps its statistics in 32 bits.
    pub(crate) fn new(path: &nn::Path, width: NonZeroU16, kind: Kind) -> Self {
        let layout = SegNetLayout::new(width);
        let blocks = |blocks: &[Vec<Convolution>]| {
            blocks
                .iter()
                .map(|block| block.iter().map(|conv| Layer::new(path, conv)).collect())
                .collect()
        };
        let encoder = blocks(&layout.encoder);
        let decoder = blocks(&layout.decoder);
        Self {
            encoder,
            decoder,
            head: head(path, &layout.head),
            kind,
        }
    }
}

impl ModuleT for SegNet {
    /// Returns the 32-bit logits `[n, 1, side, side]` of planes of the same shape, whose side is a multiple of 32.
    ///
    /// # Panics
    /// Panics on another shape, as every tch module does.
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

/// Sets every variable of a store but the kernels to random values, so that no zeros and ones hide an error in a test.
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
    fn it_gives_one_logit_per_pixel() {
        let store = nn::VarStore::new(Device::Cpu);
        let network = SegNet::new(&store.root(), NonZeroU16::new(2).unwrap(), Kind::Float);
        let logits = network.forward_t(
            &Tensor::rand([3, 1, 64, 64], (Kind::Float, Device::Cpu)),
            true,
        );
        assert_eq!(logits.size(), [3, 1, 64, 64]);
    }

    /// Returns the gradient of every variable after one backward pass over fixed planes, from fixed weights.
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
