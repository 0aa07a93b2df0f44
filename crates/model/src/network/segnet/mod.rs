//! The SegNet: its convolutions, their channels, and their names in a weights file.
//!
//! The network is that of "Experimenting with Deep Neural Networks for X-Ray Image Segmentation" (2016): SegNet
//! (Badrinarayanan, Kendall, Cipolla 2015) on a VGG16 encoder. The modules to train and the plan to serve are both built
//! from this description, so neither can differ from the other or from a weights file.

mod modules;
mod served;

use std::num::NonZeroU16;

use super::{Convolution, SIDE_MULTIPLE};

pub(super) use self::modules::SegNet;
#[cfg(test)]
pub(crate) use self::modules::randomise;
pub(super) use self::served::ServedSegNet;

/// The number of convolutions in each encoder block. Every block ends in a 2×2 max pooling that keeps its indices.
const ENCODER_BLOCKS: [usize; 5] = [2, 2, 3, 3, 3];
/// The number of convolutions in each decoder block. Every block begins with the max-unpooling that belongs to the
/// pooling of its encoder block.
const DECODER_BLOCKS: [usize; 5] = [3, 3, 3, 2, 1];
/// The output channels of the encoder blocks, in widths.
const ENCODER_CHANNELS: [i64; 5] = [1, 2, 4, 8, 8];
/// The output channels of the decoder blocks, in widths. Only the last convolution of a block changes their number.
const DECODER_CHANNELS: [i64; 5] = [8, 4, 2, 1, 1];
// Each of the five poolings halves the plane.
const _: () = assert!(SIDE_MULTIPLE.is_multiple_of(1 << ENCODER_BLOCKS.len()));

/// The convolutions of a SegNet, block by block.
///
/// # Examples
/// ```
/// use std::num::NonZeroU16;
///
/// use lungfield_model::network::segnet::SegNetLayout;
///
/// let layout = SegNetLayout::new(NonZeroU16::new(64).expect("64 is not 0"));
/// assert_eq!(layout.convolutions().count(), 26);
/// assert_eq!(layout.head.name, "head");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegNetLayout {
    /// The encoder blocks, from the input down.
    pub encoder: Vec<Vec<Convolution>>,
    /// The decoder blocks, from the bottom up.
    pub decoder: Vec<Vec<Convolution>>,
    /// The last convolution, to one logit.
    pub head: Convolution,
}

impl SegNetLayout {
    /// Creates the layout of a SegNet whose first block has `width` channels. The article has 64.
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

    /// Returns every convolution, in the order of the forward pass.
    pub fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        self.encoder
            .iter()
            .chain(&self.decoder)
            .flatten()
            .chain(std::iter::once(&self.head))
    }

    /// Returns the name and shape of every tensor in a weights file.
    #[must_use]
    pub fn tensors(&self) -> Vec<(String, Vec<i64>)> {
        self.convolutions().flat_map(Convolution::tensors).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: u16) -> SegNetLayout {
        SegNetLayout::new(NonZeroU16::new(width).unwrap())
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
