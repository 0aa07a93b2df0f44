//! Serves a network: batches of planes in, probability maps out, by fallible calls only.

use tch::{Device, Kind, TchError, Tensor};

use super::memory::planes_channels_last;
use lungfield_radiograph::geometry::ModelInput;
use lungfield_radiograph::mask::ProbabilityMap;

/// A network of one architecture, folded for inference on one device.
pub(super) trait ServedNetwork: std::fmt::Debug + Send {
    /// Returns the logits `[n, 1, side, side]` of channels-last planes of the same shape.
    fn logits(&self, planes: Tensor) -> Result<Tensor, TchError>;

    /// Returns the same network for another thread. The weights are shared.
    fn share(&self) -> Box<dyn ServedNetwork>;
}

/// A network for inference on one device and in one precision, from [`Network::plan`].
///
/// [`Network::plan`]: super::Network::plan
#[derive(Debug)]
pub struct Plan {
    network: Box<dyn ServedNetwork>,
    device: Device,
    kind: Kind,
    flip_averaging: bool,
}

impl Plan {
    pub(super) fn new(network: Box<dyn ServedNetwork>, device: Device, kind: Kind) -> Self {
        Self {
            network,
            device,
            kind,
            flip_averaging: false,
        }
    }

    /// Sets whether every film is segmented together with its mirror image and the two maps are averaged, at twice the
    /// cost.
    #[must_use]
    pub fn flip_averaging(self, flip_averaging: bool) -> Self {
        Self {
            flip_averaging,
            ..self
        }
    }

    /// Returns the same plan for another thread. The weights are shared.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            network: self.network.share(),
            device: self.device,
            kind: self.kind,
            flip_averaging: self.flip_averaging,
        }
    }

    /// Returns how many films of a batch go through the network in one pass.
    ///
    /// On the CPU each film has a pass of its own: its planes stay in the cache, and no kernel is prepared for another
    /// size. Over 70 films at a side of 384 that was 13 % faster than passes of eight, in half the memory.
    #[must_use]
    pub fn films_in_pass(&self, batch_size: usize) -> usize {
        if self.device.is_cuda() {
            batch_size.max(1)
        } else {
            1
        }
    }

    /// Returns whether a film and its mirror image can be segmented on two threads: on the CPU, where each has a pass of
    /// its own.
    #[must_use]
    pub fn mirrors_on_two_threads(&self) -> bool {
        self.flip_averaging && !self.device.is_cuda()
    }

    /// Returns the probability map of each plane, in order. The planes of a batch have one side.
    ///
    /// Hold a `no_grad_guard` around it.
    pub fn segment(&self, batch: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, TchError> {
        let mut maps = Vec::with_capacity(batch.len());
        for films in batch.chunks(self.films_in_pass(batch.len())) {
            maps.extend(self.pass(films)?);
        }
        Ok(maps)
    }

    /// Returns the map of one plane, without its mirror image.
    pub(crate) fn segment_unmirrored(
        &self,
        plane: &ModelInput,
    ) -> Result<ProbabilityMap, TchError> {
        let mut maps = maps(&self.probabilities(&planes(&[plane])?)?, plane.side())?;
        Ok(maps.pop().expect("a plane has a map"))
    }

    /// Returns the maps of films that go through the network together.
    fn pass(&self, films: &[&ModelInput]) -> Result<Vec<ProbabilityMap>, TchError> {
        let Some(side) = films.first().map(|input| input.side()) else {
            return Ok(Vec::new());
        };
        let planes = planes(films)?;
        let probabilities = if self.flip_averaging {
            self.averaged(&planes)?
        } else {
            self.probabilities(&planes)?
        };
        maps(&probabilities, side)
    }

    /// Returns the mean of the probabilities of planes and of their mirror images, mirrored back.
    fn averaged(&self, planes: &Tensor) -> Result<Tensor, TchError> {
        let mirrored = planes.f_flip([3])?;
        let (here, there) = if self.device.is_cuda() {
            let both = self.probabilities(&Tensor::f_cat(&[planes, &mirrored], 0)?)?;
            (
                both.f_narrow(0, 0, planes.size()[0])?,
                both.f_narrow(0, planes.size()[0], planes.size()[0])?,
            )
        } else {
            (self.probabilities(planes)?, self.probabilities(&mirrored)?)
        };
        here.f_add(&there.f_flip([3])?)?.f_mul_scalar(0.5)
    }

    /// Returns the lung probabilities of planes `[n, 1, side, side]`: the same shape, in 32 bits, on the CPU.
    fn probabilities(&self, planes: &Tensor) -> Result<Tensor, TchError> {
        let planes = planes_channels_last(&planes.f_to_device(self.device)?.f_to_kind(self.kind)?)?;
        self.network
            .logits(planes)?
            .f_to_kind(Kind::Float)?
            .f_sigmoid()?
            .f_to_device(Device::Cpu)?
            .f_contiguous()
    }
}

/// Returns planes of one side as a tensor `[n, 1, side, side]`.
fn planes(films: &[&ModelInput]) -> Result<Tensor, TchError> {
    let side = films.first().map_or(0, |input| i64::from(input.side()));
    let values: Vec<f32> = films
        .iter()
        .flat_map(|input| input.pixels())
        .copied()
        .collect();
    Tensor::f_from_slice(&values)?.f_view([-1, 1, side, side])
}

/// Returns the maps in a tensor of planes of this side.
fn maps(probabilities: &Tensor, side: u32) -> Result<Vec<ProbabilityMap>, TchError> {
    let values = Vec::<f32>::try_from(probabilities.f_contiguous()?.f_view(-1)?)?;
    let map =
        |values: &[f32]| ProbabilityMap::new(side, values.to_vec()).expect("a chunk is one plane");
    Ok(values
        .chunks_exact((side as usize).pow(2))
        .map(map)
        .collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::num::NonZeroU16;

    use tch::nn::{ModuleT, VarStore};

    use super::*;
    use crate::network::Network;
    use crate::network::segnet::randomise;

    /// A small network.
    fn network() -> Network {
        Network::SegNet {
            width: NonZeroU16::new(3).unwrap(),
        }
    }

    /// Returns modules to train, and their random weights.
    fn trained() -> (Box<dyn ModuleT>, HashMap<String, Tensor>) {
        tch::manual_seed(7);
        let store = VarStore::new(Device::Cpu);
        let modules = network().modules(&store.root(), Kind::Float);
        randomise(&store);
        (modules, store.variables())
    }

    #[test]
    fn the_folded_plan_equals_the_training_modules_on_random_weights() {
        let _guard = tch::no_grad_guard();
        let (modules, weights) = trained();
        let plan = network().plan(&weights, Device::Cpu, Kind::Float).unwrap();
        let planes = Tensor::randn([2, 1, 64, 64], (Kind::Float, Device::Cpu));
        let expected = modules.forward_t(&planes, false).sigmoid();
        let found = plan.probabilities(&planes).unwrap();
        assert!((&expected - found).abs().max().double_value(&[]) < 1e-4);
        assert!(
            expected.std(false).double_value(&[]) > 1e-3,
            "a constant output would prove nothing"
        );
    }

    #[test]
    fn with_flip_averaging_a_film_and_its_mirror_image_have_mirrored_maps() {
        let _guard = tch::no_grad_guard();
        let (_, weights) = trained();
        let plan = || network().plan(&weights, Device::Cpu, Kind::Float).unwrap();
        let planes = Tensor::randn([2, 1, 64, 64], (Kind::Float, Device::Cpu));
        let inputs = |planes: &Tensor| -> Vec<ModelInput> {
            let values = Vec::<f32>::try_from(planes.view(-1)).unwrap();
            values
                .chunks(64 * 64)
                .map(|plane| ModelInput::new(64, plane.to_vec()).unwrap())
                .collect()
        };
        let maps = |plan: &Plan, planes: &Tensor| -> Tensor {
            let inputs = inputs(planes);
            let maps = plan.segment(&inputs.iter().collect::<Vec<_>>()).unwrap();
            let maps: Vec<_> = maps
                .iter()
                .map(|map| Tensor::from_slice(map.values()).view([64, 64]))
                .collect();
            Tensor::stack(&maps, 0)
        };
        let averaging = plan().flip_averaging(true);
        let (here, there) = (
            maps(&averaging, &planes),
            maps(&averaging, &planes.flip([3])),
        );
        assert!((&here - there.flip([2])).abs().max().double_value(&[]) < 1e-5);
        let plain = (maps(&plan(), &planes) + maps(&plan(), &planes.flip([3])).flip([2])) / 2;
        assert!((&here - plain).abs().max().double_value(&[]) < 1e-5);
    }

    #[test]
    fn unpooling_puts_values_back_where_the_pooling_found_them() {
        let plane = Tensor::from_slice(&[
            1f32, 9., 2., 3., 4., 5., 8., 6., 7., 0., 1., 2., 3., 4., 9., 5.,
        ]);
        let plane = plane.view([1, 1, 4, 4]);
        let (pooled, indices) =
            plane.max_pool2d_with_indices([2, 2], [2, 2], [0, 0], [1, 1], false);
        let back = Vec::<f32>::try_from(pooled.max_unpool2d(&indices, [4, 4]).view(-1)).unwrap();
        assert_eq!(
            back,
            [
                0., 9., 0., 0., 0., 0., 8., 0., 7., 0., 0., 0., 0., 0., 9., 0.
            ]
        );
    }

    #[test]
    fn missing_and_misshapen_weights_are_refused_by_name() {
        let (_, mut weights) = trained();
        let refused = |weights: &HashMap<String, Tensor>| {
            network()
                .plan(weights, Device::Cpu, Kind::Float)
                .unwrap_err()
                .to_string()
        };
        weights.insert(
            "head.conv.bias".to_owned(),
            Tensor::zeros([2], (Kind::Float, Device::Cpu)),
        );
        assert!(refused(&weights).contains("head.conv.bias has shape [2]"));
        weights.remove("encoder.3.1.norm.bias");
        assert!(refused(&weights).contains("encoder.3.1.norm.bias"));
    }
}
