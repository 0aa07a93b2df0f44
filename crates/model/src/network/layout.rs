//! Decides which convolutions the SegNet has, their names in a weights file, and their channels.
//!
//! The network is that of "Experimenting with Deep Neural Networks for X-Ray Image Segmentation" (2016): SegNet
//! (Badrinarayanan, Kendall, Cipolla 2015) on a VGG16 encoder. Both the training modules and the serving plan are
//! built from this one description, so neither can drift from the other or from a weights file.

use std::num::NonZeroU16;

/// Convolutions in each encoder block; every block ends in a 2×2 max pooling that keeps its indices.
const ENCODER_BLOCKS: [usize; 5] = [2, 2, 3, 3, 3];
/// Convolutions in each decoder block; every block begins with the max-unpooling of its mirror image.
const DECODER_BLOCKS: [usize; 5] = [3, 3, 3, 2, 1];
/// Output channels of the encoder blocks, in widths.
const ENCODER_CHANNELS: [i64; 5] = [1, 2, 4, 8, 8];
/// Output channels of the decoder blocks, in widths; only a block's last convolution changes their number.
const DECODER_CHANNELS: [i64; 5] = [8, 4, 2, 1, 1];
/// Each of the five poolings halves the plane, so a model side is a multiple of this.
pub const SIDE_MULTIPLE: u32 = 1 << ENCODER_BLOCKS.len();
/// What batch normalisation adds to the variance.
pub const NORM_EPSILON: f64 = 1e-5;

/// One 3×3 convolution with padding 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// The prefix of its tensors in a weights file, as in `encoder.0.1`.
    pub name: String,
    /// Input channels.
    pub inputs: i64,
    /// Output channels.
    pub outputs: i64,
    /// Whether batch normalisation and `ReLU` follow; only the last convolution, to one logit, goes without.
    pub normalised: bool,
}

impl Convolution {
    /// The names and shapes of its tensors in a weights file.
    #[must_use]
    pub fn tensors(&self) -> Vec<(String, Vec<i64>)> {
        let named =
            |tensor: &str, shape: &[i64]| (format!("{}.{tensor}", self.name), shape.to_vec());
        let kernel = named("conv.weight", &[self.outputs, self.inputs, 3, 3]);
        if !self.normalised {
            return vec![kernel, named("conv.bias", &[self.outputs])];
        }
        let per_channel = [
            "norm.weight",
            "norm.bias",
            "norm.running_mean",
            "norm.running_var",
        ];
        std::iter::once(kernel)
            .chain(per_channel.map(|tensor| named(tensor, &[self.outputs])))
            .collect()
    }
}

/// All convolutions of a SegNet, block by block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Encoder blocks, from the input down.
    pub encoder: Vec<Vec<Convolution>>,
    /// Decoder blocks, from the bottom up.
    pub decoder: Vec<Vec<Convolution>>,
    /// The last convolution, to one logit.
    pub head: Convolution,
}

impl Layout {
    /// The SegNet whose first block has `width` channels; 64 is the article's.
    #[must_use]
    pub fn new(width: NonZeroU16) -> Self {
        let width = i64::from(width.get());
        let mut inputs = 1;
        let mut block = |part: &str, index: usize, convolutions: usize, outputs: i64| {
            let inside = if part == "encoder" { outputs } else { inputs };
            (0..convolutions)
                .map(|place| {
                    let outputs = if place + 1 == convolutions {
                        outputs
                    } else {
                        inside
                    };
                    let name = format!("{part}.{index}.{place}");
                    let convolution = Convolution {
                        name,
                        inputs,
                        outputs,
                        normalised: true,
                    };
                    inputs = outputs;
                    convolution
                })
                .collect::<Vec<_>>()
        };
        let encoder = (0..5)
            .map(|i| block("encoder", i, ENCODER_BLOCKS[i], ENCODER_CHANNELS[i] * width))
            .collect();
        let decoder = (0..5)
            .map(|i| block("decoder", i, DECODER_BLOCKS[i], DECODER_CHANNELS[i] * width))
            .collect();
        let head = Convolution {
            name: "head".to_owned(),
            inputs: width,
            outputs: 1,
            normalised: false,
        };
        Self {
            encoder,
            decoder,
            head,
        }
    }

    /// Every convolution, in the order of the forward pass.
    pub fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        self.encoder
            .iter()
            .chain(&self.decoder)
            .flatten()
            .chain(std::iter::once(&self.head))
    }

    /// The name and shape of every tensor in a weights file.
    #[must_use]
    pub fn tensors(&self) -> Vec<(String, Vec<i64>)> {
        self.convolutions().flat_map(Convolution::tensors).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: u16) -> Layout {
        Layout::new(NonZeroU16::new(width).unwrap())
    }

    #[test]
    fn it_has_the_articles_26_convolutions_25_norms_and_5_upsamplings() {
        let layout = layout(64);
        assert_eq!(layout.convolutions().count(), 26);
        assert_eq!(layout.convolutions().filter(|c| c.normalised).count(), 25);
        assert_eq!(layout.decoder.len(), 5);
        assert_eq!(
            layout.encoder.iter().map(Vec::len).collect::<Vec<_>>(),
            [2, 2, 3, 3, 3]
        );
        assert_eq!(
            layout.decoder.iter().map(Vec::len).collect::<Vec<_>>(),
            [3, 3, 3, 2, 1]
        );
    }

    #[test]
    fn channels_go_down_and_up_as_the_article_has_them() {
        let outputs = |blocks: &[Vec<Convolution>]| {
            blocks
                .iter()
                .map(|b| b.iter().map(|c| c.outputs).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        let layout = layout(1);
        assert_eq!(
            outputs(&layout.encoder),
            [vec![1, 1], vec![2, 2], vec![4; 3], vec![8; 3], vec![8; 3]]
        );
        assert_eq!(
            outputs(&layout.decoder),
            [
                vec![8, 8, 8],
                vec![8, 8, 4],
                vec![4, 4, 2],
                vec![2, 1],
                vec![1]
            ]
        );
    }

    #[test]
    fn each_convolution_takes_what_the_one_before_gives() {
        let layout = layout(16);
        let chain: Vec<_> = layout.convolutions().collect();
        assert_eq!(chain[0].inputs, 1);
        for pair in chain.windows(2) {
            assert_eq!(
                pair[0].outputs, pair[1].inputs,
                "{} → {}",
                pair[0].name, pair[1].name
            );
        }
    }

    #[test]
    fn the_articles_width_has_29_4_million_trained_parameters() {
        let trained = |(name, shape): (String, Vec<i64>)| {
            if name.contains("running") {
                0
            } else {
                shape.iter().product::<i64>()
            }
        };
        let parameters: i64 = layout(64).tensors().into_iter().map(trained).sum();
        assert_eq!((parameters + 50_000) / 100_000, 294, "{parameters}");
    }
}
