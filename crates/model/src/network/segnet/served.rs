//! The SegNet as it is served: batch normalisation folded into the convolutions, fallible calls only.

use std::collections::HashMap;
use std::num::NonZeroU16;

use tch::{Device, Kind, TchError, Tensor};

use super::SegNetLayout;
use crate::network::Convolution;
use crate::network::plan::ServedNetwork;
use crate::network::served::{FoldedConvolution, ServedConvolution, ServedHead};

/// A SegNet for inference only: one kernel and one bias for each convolution.
#[derive(Debug)]
pub(crate) struct ServedSegNet {
    encoder: Vec<Vec<ServedConvolution>>,
    decoder: Vec<Vec<ServedConvolution>>,
    head: ServedHead,
}

impl ServedSegNet {
    /// Folds trained `weights`, by name, for a device and a precision. The folding itself is computed in 64 bits.
    ///
    /// # Errors
    /// Returns an error where a tensor that the width asks for is missing or has another shape.
    pub(crate) fn fold(
        weights: &HashMap<String, Tensor>,
        width: NonZeroU16,
        device: Device,
        kind: Kind,
    ) -> Result<Self, TchError> {
        let layout = SegNetLayout::new(width);
        let serve = |convolution: &Convolution| {
            FoldedConvolution::new(weights, convolution)?.serve(device, kind)
        };
        let blocks = |blocks: &[Vec<Convolution>]| {
            blocks
                .iter()
                .map(|block| block.iter().map(serve).collect())
                .collect::<Result<Vec<Vec<_>>, _>>()
        };
        Ok(Self {
            encoder: blocks(&layout.encoder)?,
            decoder: blocks(&layout.decoder)?,
            head: FoldedConvolution::new(weights, &layout.head)?.serve_head(device, kind)?,
        })
    }
}

impl ServedNetwork for ServedSegNet {
    fn logits(&self, planes: Tensor) -> Result<Tensor, TchError> {
        let mut x = planes;
        let mut poolings = Vec::with_capacity(self.encoder.len());
        for block in &self.encoder {
            for layer in block {
                x = layer.forward(&x)?.f_relu_()?;
            }
            let (pooled, indices) =
                x.f_max_pool2d_with_indices([2, 2], [2, 2], [0, 0], [1, 1], false)?;
            poolings.push((indices, x.size()));
            x = pooled;
        }
        for block in &self.decoder {
            let (indices, size) = poolings
                .pop()
                .expect("the decoder has as many blocks as the encoder");
            x = x.f_max_unpool2d(&indices, &size[2..])?;
            for layer in block {
                x = layer.forward(&x)?.f_relu_()?;
            }
        }
        self.head.forward(&x)
    }

    fn share(&self) -> Box<dyn ServedNetwork> {
        let blocks = |blocks: &[Vec<ServedConvolution>]| -> Vec<Vec<ServedConvolution>> {
            blocks
                .iter()
                .map(|block| block.iter().map(ServedConvolution::share).collect())
                .collect()
        };
        Box::new(Self {
            encoder: blocks(&self.encoder),
            decoder: blocks(&self.decoder),
            head: self.head.share(),
        })
    }
}
