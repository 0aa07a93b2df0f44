//! The description of a convolution: its channels, and its tensors in a weights file.

/// The number that batch normalisation adds to the variance.
pub(super) const NORM_EPSILON: f64 = 1e-5;

/// A 3×3 convolution with padding 1, as a network describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// The prefix of its tensors' names in a weights file, as in `encoder.0.1`.
    pub name: String,
    /// The number of input channels.
    pub inputs: i64,
    /// The number of output channels.
    pub outputs: i64,
    /// Whether batch normalisation and `ReLU` follow. Where they do, the convolution has no bias.
    pub normalised: bool,
}

impl Convolution {
    /// Returns the names and shapes of its tensors in a weights file.
    ///
    /// The kernel comes first, then its bias or the tensors of the batch normalisation.
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
