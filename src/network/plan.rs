//! Decides how the SegNet is served: batch normalisation folded into the convolutions, fallible calls only.

use std::collections::HashMap;
use std::num::NonZeroU16;

use tch::{Device, Kind, TchError, Tensor};

use super::layout::{Convolution, Layout, NORM_EPSILON};
use super::memory::channels_last;
use crate::geometry::ModelInput;
use crate::mask::ProbabilityMap;

/// A SegNet that only infers: one weight and one bias for each convolution.
///
/// Weights lie channels-last, which is what lets oneDNN run the convolutions without reordering every plane.
#[derive(Debug)]
pub struct Plan {
    encoder: Vec<Vec<Folded>>,
    decoder: Vec<Vec<Folded>>,
    head: Folded,
    device: Device,
    kind: Kind,
    flip_averaging: bool,
}

#[derive(Debug)]
struct Folded {
    weight: Tensor,
    bias: Tensor,
}

impl Plan {
    /// Folds trained `weights`, by name, for a device and a precision. The folding itself is done in 64 bits.
    ///
    /// Fails where a tensor that the width asks for is missing or of another shape.
    pub fn fold(
        weights: &HashMap<String, Tensor>,
        width: NonZeroU16,
        device: Device,
        kind: Kind,
    ) -> Result<Self, TchError> {
        let layout = Layout::new(width);
        let fold = |convolution: &Convolution| Folded::new(weights, convolution)?.placed(device, kind);
        let blocks = |blocks: &[Vec<Convolution>]| {
            blocks.iter().map(|block| block.iter().map(fold).collect()).collect::<Result<Vec<Vec<_>>, _>>()
        };
        Ok(Self {
            encoder: blocks(&layout.encoder)?,
            decoder: blocks(&layout.decoder)?,
            head: fold(&layout.head)?,
            device,
            kind,
            flip_averaging: false,
        })
    }

    /// Whether every film is segmented together with its mirror image, at twice the cost, and the two maps averaged.
    #[must_use]
    pub fn flip_averaging(self, flip_averaging: bool) -> Self {
        Self { flip_averaging, ..self }
    }

    /// How many films of a batch go through the network in one pass.
    ///
    /// On the CPU a film goes alone: its planes stay in the cache, and no kernel is prepared for any other size. Over 70
    /// films at a side of 384 that was 13 % faster than passes of eight, in half the memory.
    #[must_use]
    pub fn films_in_pass(&self, batch_size: usize) -> usize {
        if self.device.is_cuda() { batch_size.max(1) } else { 1 }
    }

    /// A batch of planes of one side in, the probability map of each, in order, out.
    pub fn segment(&self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, TchError> {
        let mut maps = Vec::with_capacity(batch.len());
        for films in batch.chunks(self.films_in_pass(batch.len())) {
            maps.extend(self.pass(films)?);
        }
        Ok(maps)
    }

    /// The maps of films that go through the network together.
    fn pass(&self, films: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, TchError> {
        let Some(side) = films.first().map(|input| input.side()) else { return Ok(Vec::new()) };
        let values: Vec<f32> = films.iter().flat_map(|input| input.pixels()).copied().collect();
        let planes = Tensor::f_from_slice(&values)?.f_view([-1, 1, i64::from(side), i64::from(side)])?;
        let probabilities =
            if self.flip_averaging { self.averaged(&planes)? } else { self.probabilities(&planes)? };
        let probabilities = Vec::<f32>::try_from(probabilities.f_view(-1)?)?;
        let area = (side as usize).pow(2);
        let map = |values: &[f32]| ProbabilityMap::new(side, values.to_vec()).expect("a chunk is one plane");
        Ok(probabilities.chunks_exact(area).map(map).collect())
    }

    /// The mean of the probabilities of planes and of their mirror images, mirrored back.
    fn averaged(&self, planes: &Tensor) -> Result<Tensor, TchError> {
        let both = self.probabilities(&Tensor::f_cat(&[planes, &planes.f_flip([3])?], 0)?)?;
        let halves = both.f_chunk(2, 0)?;
        halves[0].f_add(&halves[1].f_flip([3])?)?.f_mul_scalar(0.5)
    }

    /// Planes `[n, 1, side, side]` in, lung probabilities of the same shape, 32-bit and on the CPU, out.
    ///
    /// Hold a `no_grad_guard` around it.
    pub fn probabilities(&self, planes: &Tensor) -> Result<Tensor, TchError> {
        let mut x = planes.f_to_device(self.device)?.f_to_kind(self.kind)?;
        let mut poolings = Vec::with_capacity(self.encoder.len());
        for block in &self.encoder {
            for layer in block {
                x = layer.forward(&x)?.f_relu_()?;
            }
            let (pooled, indices) = x.f_max_pool2d_with_indices([2, 2], [2, 2], [0, 0], [1, 1], false)?;
            poolings.push((indices, x.size()));
            x = pooled;
        }
        for block in &self.decoder {
            let (indices, size) = poolings.pop().expect("the decoder has as many blocks as the encoder");
            x = x.f_max_unpool2d(&indices, &size[2..])?;
            for layer in block {
                x = layer.forward(&x)?.f_relu_()?;
            }
        }
        self.head.forward(&x)?.f_to_kind(Kind::Float)?.f_sigmoid()?.f_to_device(Device::Cpu)?.f_contiguous()
    }
}

impl Folded {
    fn new(weights: &HashMap<String, Tensor>, convolution: &Convolution) -> Result<Self, TchError> {
        let mut tensors =
            convolution.tensors().into_iter().map(|(name, shape)| tensor(weights, &name, &shape));
        let mut next = || tensors.next().expect("a convolution has its kernel and what follows it");
        let weight = next()?;
        if !convolution.normalised {
            return Ok(Self { weight, bias: next()? });
        }
        let (gain, shift, mean, variance) = (next()?, next()?, next()?, next()?);
        // norm(conv(x)) = gain · (conv(x) − mean) / √(variance + ε) + shift
        let scale = gain.f_div(&variance.f_add_scalar(NORM_EPSILON)?.f_sqrt()?)?;
        let bias = shift.f_sub(&mean.f_mul(&scale)?)?;
        Ok(Self { weight: weight.f_mul(&scale.f_view([-1, 1, 1, 1])?)?, bias })
    }

    fn placed(&self, device: Device, kind: Kind) -> Result<Self, TchError> {
        let weight = self.weight.f_to_kind(kind)?.f_to_device(device)?;
        Ok(Self { weight: channels_last(&weight)?, bias: self.bias.f_to_kind(kind)?.f_to_device(device)? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_conv2d(&self.weight, Some(&self.bias), [1, 1], [1, 1], [1, 1], 1)
    }
}

/// A tensor by name, in 64 bits, its shape checked: libtorch would broadcast a wrong one.
fn tensor(weights: &HashMap<String, Tensor>, name: &str, shape: &[i64]) -> Result<Tensor, TchError> {
    let found = weights.get(name).ok_or_else(|| TchError::Shape(format!("the weights lack {name}")))?;
    if found.size() != shape {
        return Err(TchError::Shape(format!("{name} has shape {:?}, not {shape:?}", found.size())));
    }
    found.f_to_kind(Kind::Double)
}

#[cfg(test)]
mod tests {
    use tch::nn::{self, ModuleT};

    use super::*;
    use crate::network::segnet::{SegNet, randomise};

    /// Random weights of a small SegNet and the training modules that hold them.
    fn trained() -> (SegNet, HashMap<String, Tensor>, NonZeroU16) {
        tch::manual_seed(7);
        let width = NonZeroU16::new(3).unwrap();
        let store = nn::VarStore::new(Device::Cpu);
        let network = SegNet::new(&store.root(), width, Kind::Float);
        randomise(&store);
        (network, store.variables(), width)
    }

    #[test]
    fn the_folded_plan_equals_the_training_modules_on_random_weights() {
        let _guard = tch::no_grad_guard();
        let (network, weights, width) = trained();
        let plan = Plan::fold(&weights, width, Device::Cpu, Kind::Float).unwrap();
        let planes = Tensor::randn([2, 1, 64, 64], (Kind::Float, Device::Cpu));
        let expected = network.forward_t(&planes, false).sigmoid();
        let found = plan.probabilities(&planes).unwrap();
        assert!((&expected - found).abs().max().double_value(&[]) < 1e-4);
        assert!(expected.std(false).double_value(&[]) > 1e-3, "a constant output would prove nothing");
    }

    #[test]
    fn with_flip_averaging_a_film_and_its_mirror_image_have_mirrored_maps() {
        let _guard = tch::no_grad_guard();
        let (_, weights, width) = trained();
        let plan = || Plan::fold(&weights, width, Device::Cpu, Kind::Float).unwrap();
        let planes = Tensor::randn([2, 1, 64, 64], (Kind::Float, Device::Cpu));
        let inputs = |planes: &Tensor| -> Vec<ModelInput> {
            let values = Vec::<f32>::try_from(planes.view(-1)).unwrap();
            values.chunks(64 * 64).map(|plane| ModelInput::new(64, plane.to_vec()).unwrap()).collect()
        };
        let maps = |plan: &Plan, planes: &Tensor| -> Tensor {
            let inputs = inputs(planes);
            let maps = plan.segment(&inputs.iter().collect::<Vec<_>>()).unwrap();
            let maps: Vec<_> =
                maps.iter().map(|map| Tensor::from_slice(map.values()).view([64, 64])).collect();
            Tensor::stack(&maps, 0)
        };
        let averaging = plan().flip_averaging(true);
        let (here, there) = (maps(&averaging, &planes), maps(&averaging, &planes.flip([3])));
        assert!((&here - there.flip([2])).abs().max().double_value(&[]) < 1e-5);
        let plain = (maps(&plan(), &planes) + maps(&plan(), &planes.flip([3])).flip([2])) / 2;
        assert!((&here - plain).abs().max().double_value(&[]) < 1e-5);
    }

    #[test]
    fn unpooling_puts_values_back_where_the_pooling_found_them() {
        let plane = Tensor::from_slice(&[1f32, 9., 2., 3., 4., 5., 8., 6., 7., 0., 1., 2., 3., 4., 9., 5.]);
        let plane = plane.view([1, 1, 4, 4]);
        let (pooled, indices) = plane.max_pool2d_with_indices([2, 2], [2, 2], [0, 0], [1, 1], false);
        let back = Vec::<f32>::try_from(pooled.max_unpool2d(&indices, [4, 4]).view(-1)).unwrap();
        assert_eq!(back, [0., 9., 0., 0., 0., 0., 8., 0., 7., 0., 0., 0., 0., 0., 9., 0.]);
    }

    #[test]
    fn missing_and_misshapen_weights_are_refused_by_name() {
        let (_, mut weights, width) = trained();
        let refused = |weights: &HashMap<String, Tensor>| {
            Plan::fold(weights, width, Device::Cpu, Kind::Float).unwrap_err().to_string()
        };
        weights.insert("head.conv.bias".to_owned(), Tensor::zeros([2], (Kind::Float, Device::Cpu)));
        assert!(refused(&weights).contains("head.conv.bias has shape [2]"));
        weights.remove("encoder.3.1.norm.bias");
        assert!(refused(&weights).contains("encoder.3.1.norm.bias"));
    }
}
