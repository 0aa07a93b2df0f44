//! Layers as they are trained: tch modules with batch normalisation.

use tch::Tensor;
use tch::nn::{self, ModuleT};

use super::convolution::{Convolution, NORM_EPSILON};
use super::memory::channels_last;

/// A convolution with batch normalisation and `ReLU`, to train.
#[derive(Debug)]
pub(super) struct Layer {
    convolution: nn::Conv2D,
    norm: nn::BatchNorm,
}

impl Layer {
    /// Builds the layer of a convolution. Its variables have the names that the convolution states.
    pub(super) fn new(path: &nn::Path, spec: &Convolution) -> Self {
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

/// Builds the last convolution of a network, to one logit.
pub(super) fn head(path: &nn::Path, spec: &Convolution) -> nn::Conv2D {
    convolution(&at(path, &spec.name), spec)
}

/// Applies a convolution in the precision of `x`. With channels-last weights oneDNN need not reorder every plane.
pub(super) fn convolve(convolution: &nn::Conv2D, x: &Tensor) -> Tensor {
    let weight =
        channels_last(&convolution.ws.to_kind(x.kind())).expect("a kernel has four dimensions");
    let bias = convolution.bs.as_ref().map(|bias| bias.to_kind(x.kind()));
    x.conv2d(&weight, bias, [1, 1], [1, 1], [1, 1], 1)
}

/// Builds a convolution, without a bias where batch normalisation follows, which has one.
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

/// Returns the path of a convolution, whose name is its path with dots.
fn at<'a>(path: &nn::Path<'a>, name: &str) -> nn::Path<'a> {
    name.split('.').fold(path.clone(), |path, part| path / part)
}
