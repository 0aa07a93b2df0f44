//! Convolutions as they are served: batch normalisation folded into the kernel, weights laid out for the device.

use std::collections::HashMap;

use tch::{Device, Kind, TchError, Tensor};

use super::convolution::{Convolution, NORM_EPSILON};
use super::memory::channels_last;
use super::shape_text;
use super::winograd::{LEAST_INPUTS, Winograd};

/// The logits that a head computes in one step along either side, on the CPU.
///
/// A CPU computes the channels of a pixel side by side, 16 at a time, and a head of one logit would waste 15 of them.
/// Sixteen logits, a 4×4 block, are the channels of one convolution with a 6×6 kernel and a stride of 4.
const BLOCK: i64 = 4;

/// The kernel and the bias of a convolution, in 64 bits, after batch normalisation has been folded into them.
#[derive(Debug)]
pub(super) struct FoldedConvolution {
    kernel: Tensor,
    bias: Tensor,
    /// The stride, along both sides.
    stride: i64,
}

/// A convolution on its device, computed in the faster of two ways.
#[derive(Debug)]
pub(super) enum ServedConvolution {
    /// As libtorch computes it.
    Direct(DirectConvolution),
    /// With fewer multiplications.
    Winograd(Winograd),
}

/// A convolution that libtorch computes.
///
/// The kernel is channels-last in memory, so that oneDNN need not reorder every plane. A kernel that oneDNN has packed
/// beforehand would save the reordering of the kernel in each pass, 2 % of its time, but libtorch runs such kernels
/// channels-first only, at one and a half times the cost.
#[derive(Debug)]
pub(super) struct DirectConvolution {
    kernel: Tensor,
    bias: Tensor,
    stride: i64,
}

/// The last convolution of a network, to one logit.
#[derive(Debug)]
pub(super) struct ServedHead {
    convolution: DirectConvolution,
}

impl FoldedConvolution {
    /// Folds the tensors of one convolution, which `weights` has by name.
    ///
    /// # Errors
    /// Returns an error where a tensor is missing or has another shape.
    pub(super) fn new(
        weights: &HashMap<String, Tensor>,
        convolution: &Convolution,
    ) -> Result<Self, TchError> {
        let mut tensors = convolution
            .tensors()
            .into_iter()
            .map(|(name, shape)| tensor(weights, &name, &shape));
        let mut next = || {
            tensors
                .next()
                .expect("a convolution has its kernel and what follows it")
        };
        let kernel = next()?;
        if !convolution.normalised {
            return Ok(Self {
                kernel,
                bias: next()?,
                stride: 1,
            });
        }
        let (gain, shift, mean, variance) = (next()?, next()?, next()?, next()?);
        // norm(conv(x)) = gain · (conv(x) − mean) / √(variance + ε) + shift
        let scale = gain.f_div(&variance.f_add_scalar(NORM_EPSILON)?.f_sqrt()?)?;
        let bias = shift.f_sub(&mean.f_mul(&scale)?)?;
        Ok(Self {
            kernel: kernel.f_mul(&scale.f_view([-1, 1, 1, 1])?)?,
            bias,
            stride: 1,
        })
    }

    /// Returns the convolution for a device and a precision, in the faster way.
    pub(super) fn serve(&self, device: Device, kind: Kind) -> Result<ServedConvolution, TchError> {
        let many = self.kernel.size()[1] >= LEAST_INPUTS;
        if many && device == Device::Cpu && kind == Kind::Float {
            return Winograd::new(&self.kernel, &self.bias).map(ServedConvolution::Winograd);
        }
        self.direct(device, kind).map(ServedConvolution::Direct)
    }

    /// Lays kernel and bias out for a device and a precision.
    fn direct(&self, device: Device, kind: Kind) -> Result<DirectConvolution, TchError> {
        let kernel = channels_last(&self.kernel.f_to_kind(kind)?.f_to_device(device)?)?;
        let bias = self.bias.f_to_kind(kind)?.f_to_device(device)?;
        Ok(DirectConvolution {
            kernel,
            bias,
            stride: self.stride,
        })
    }

    /// Returns the convolution as a head, which computes in blocks on the CPU.
    pub(super) fn serve_head(self, device: Device, kind: Kind) -> Result<ServedHead, TchError> {
        let folded = if device.is_cuda() {
            self
        } else {
            self.in_blocks()?
        };
        Ok(ServedHead {
            convolution: folded.direct(device, kind)?,
        })
    }

    /// Turns a convolution of one output channel into one of 16, which compute a block of 4×4 outputs in one step.
    fn in_blocks(self) -> Result<Self, TchError> {
        let (inputs, taps) = (self.kernel.size()[1], self.kernel.size()[2]);
        let side = taps + BLOCK - 1;
        let kernel = Tensor::f_zeros(
            [BLOCK * BLOCK, inputs, side, side],
            (Kind::Double, self.kernel.device()),
        )?;
        for place in 0..BLOCK * BLOCK {
            let (row, column) = (place / BLOCK, place % BLOCK);
            let shifted = kernel
                .f_select(0, place)?
                .f_narrow(1, row, taps)?
                .f_narrow(2, column, taps)?;
            shifted
                .shallow_clone()
                .f_copy_(&self.kernel.f_select(0, 0)?)?;
        }
        Ok(Self {
            kernel,
            bias: self.bias.f_repeat([BLOCK * BLOCK])?,
            stride: BLOCK,
        })
    }
}

impl ServedConvolution {
    /// Returns the same convolution for another thread. The weights are shared.
    pub(super) fn share(&self) -> Self {
        match self {
            Self::Direct(direct) => Self::Direct(direct.share()),
            Self::Winograd(winograd) => Self::Winograd(winograd.share()),
        }
    }

    /// Returns the planes `[n, outputs, rows, columns]` of planes `[n, inputs, rows, columns]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::Direct(direct) => direct.forward(x),
            Self::Winograd(winograd) => winograd.forward(x),
        }
    }
}

impl DirectConvolution {
    fn share(&self) -> Self {
        Self {
            kernel: self.kernel.shallow_clone(),
            bias: self.bias.shallow_clone(),
            stride: self.stride,
        }
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_conv2d(
            &self.kernel,
            Some(&self.bias),
            [self.stride; 2],
            [1, 1],
            [1, 1],
            1,
        )
    }
}

impl ServedHead {
    /// Returns the same head for another thread. The weights are shared.
    pub(super) fn share(&self) -> Self {
        Self {
            convolution: self.convolution.share(),
        }
    }

    /// Returns the logits `[n, 1, side, side]` of planes `[n, inputs, side, side]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        self.convolution
            .forward(x)?
            .f_pixel_shuffle(self.convolution.stride)
    }
}

/// Returns a tensor by name, in 64 bits. Its shape is checked, because libtorch would broadcast a wrong one.
fn tensor(
    weights: &HashMap<String, Tensor>,
    name: &str,
    shape: &[i64],
) -> Result<Tensor, TchError> {
    let found = weights
        .get(name)
        .ok_or_else(|| TchError::Shape(format!("the weights lack {name}")))?;
    if found.size() != shape {
        return Err(TchError::Shape(format!(
            "{name} has shape {}, not {}",
            shape_text(&found.size()),
            shape_text(shape)
        )));
    }
    found.f_to_kind(Kind::Double)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(shape: &[i64]) -> Tensor {
        Tensor::randn(shape, (Kind::Double, Device::Cpu))
    }

    #[test]
    fn a_head_in_blocks_computes_the_logits_of_one_that_goes_pixel_by_pixel() {
        tch::manual_seed(3);
        let (kernel, bias) = (random(&[1, 5, 3, 3]), random(&[1]));
        let x = random(&[2, 5, 32, 64]);
        let expected = x.conv2d(&kernel, Some(&bias), [1, 1], [1, 1], [1, 1], 1);
        let head = FoldedConvolution {
            kernel,
            bias,
            stride: 1,
        }
        .serve_head(Device::Cpu, Kind::Double)
        .unwrap();
        assert_eq!(head.convolution.kernel.size(), [16, 5, 6, 6]);
        let found = head.forward(&x).unwrap();
        assert!((expected - found).abs().max().double_value(&[]) < 1e-12);
    }
}
