//! Computes a 3×3 convolution of many channels with a quarter of the multiplications.
//!
//! The method is Winograd's minimal filtering F(4×4, 3×3), as Lavin and Gray give it ("Fast Algorithms for Convolutional Neural Networks",
//! 2016): with the 6×6 values `d` around a tile of 4×4 outputs and the kernel `g`, the tile is
//! `Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`. The product in the middle, summed over channels, is 36 matrix products over all tiles, and
//! each transform is one more, by a Kronecker product. In 32 bits the rounding is some ten times that of the plain sum,
//! about one part in 10⁵; in 16 bits it would be too much.

use tch::{Kind, TchError, Tensor};

/// The outputs of a tile along a side.
const TILE: i64 = 4;
/// The inputs of a tile along a side: a kernel reaches one pixel to either side.
const PATCH: i64 = 6;
/// The fewest input channels for which the transforms cost less than they save. At a side of 384 on one thread with
/// AVX-512, 32 channels took as long as before or longer, 64 three quarters of the time, and 128 half.
pub(super) const LEAST_INPUTS: i64 = 64;

/// Bᵀ, row by row.
const INPUT: [f64; 36] = [
    4., 0., -5., 0., 1., 0., //
    0., -4., -4., 1., 1., 0., //
    0., 4., -4., -1., 1., 0., //
    0., -2., -1., 2., 1., 0., //
    0., 2., -1., -2., 1., 0., //
    0., 4., 0., -5., 0., 1.,
];
/// 24 G, row by row.
const KERNEL: [f64; 18] = [
    6., 0., 0., //
    -4., -4., -4., //
    -4., 4., -4., //
    1., 2., 4., //
    1., -2., 4., //
    0., 0., 24.,
];
/// Aᵀ, row by row.
const OUTPUT: [f64; 24] = [
    1., 1., 1., 1., 1., 0., //
    0., 1., -1., 2., -2., 0., //
    0., 1., 1., 4., 4., 0., //
    0., 1., -1., 8., -8., 1.,
];
/// The one of the 36 products that is added to all outputs of a tile, because the second column of Aᵀ holds ones.
const EVEN: i64 = PATCH + 1;

/// A 3×3 convolution with padding 1, on the CPU in 32 bits.
#[derive(Debug)]
pub(super) struct Winograd {
    /// `[36, inputs, outputs]`.
    kernel: Tensor,
    bias: Tensor,
    /// `[36, 36]`, from the values of a patch to what is multiplied.
    input: Tensor,
    /// `[16, 36]`, from the products to the values of a tile.
    output: Tensor,
}

impl Winograd {
    /// Transforms a kernel `[outputs, inputs, 3, 3]` and a bias `[outputs]`, both in 64 bits.
    pub(super) fn new(kernel: &Tensor, bias: &Tensor) -> Result<Self, TchError> {
        let (outputs, inputs) = (kernel.size()[0], kernel.size()[1]);
        let transform = squared(&KERNEL, PATCH, 3)?.f_div_scalar(24. * 24.)?;
        let taps = kernel.f_view([outputs * inputs, 9])?.f_transpose(0, 1)?;
        let kernel = transform
            .f_mm(&taps)?
            .f_view([PATCH * PATCH, outputs, inputs])?
            .f_transpose(1, 2)?;
        let single = |tensor: &Tensor| tensor.f_to_kind(Kind::Float)?.f_contiguous();
        Ok(Self {
            kernel: single(&kernel)?,
            bias: single(bias)?,
            input: single(&squared(&INPUT, PATCH, PATCH)?)?,
            output: single(&squared(&OUTPUT, TILE, PATCH)?)?,
        })
    }

    /// Returns the same convolution for another thread. The weights are shared.
    pub(super) fn share(&self) -> Self {
        Self {
            kernel: self.kernel.shallow_clone(),
            bias: self.bias.shallow_clone(),
            input: self.input.shallow_clone(),
            output: self.output.shallow_clone(),
        }
    }

    /// Returns the planes `[n, outputs, rows, columns]` of planes `[n, inputs, rows, columns]`, both channels-last.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let (planes, inputs, rows, columns) = x.size4()?;
        let tiles = Tiles::of(planes, rows, columns);
        let patches = tiles.patches(x)?;
        let transformed = self
            .input
            .f_mm(&patches)?
            .f_view([PATCH * PATCH, -1, inputs])?;
        let products = transformed.f_bmm(&self.kernel)?;
        let _shared = products.f_select(0, EVEN)?.f_add_(&self.bias)?;
        let values = self.output.f_mm(&products.f_view([PATCH * PATCH, -1])?)?;
        let values = values
            .f_view([TILE, TILE, planes, tiles.down, tiles.across, -1])?
            .f_permute([2, 3, 0, 4, 1, 5])?
            .f_contiguous()?;
        // Where a side is not a multiple of a tile's, the last tiles reach over the border.
        values
            .f_view([planes, TILE * tiles.down, TILE * tiles.across, -1])?
            .f_narrow(1, 0, rows)?
            .f_narrow(2, 0, columns)?
            .f_contiguous()?
            .f_permute([0, 3, 1, 2])
    }
}

/// The tiles that cover a number of planes of one size.
#[derive(Clone, Copy, Debug)]
struct Tiles {
    planes: i64,
    rows: i64,
    columns: i64,
    /// The number of tiles in a column of tiles.
    down: i64,
    /// The number of tiles in a row of tiles.
    across: i64,
}

impl Tiles {
    fn of(planes: i64, rows: i64, columns: i64) -> Self {
        Self {
            planes,
            rows,
            columns,
            down: (rows + TILE - 1) / TILE,
            across: (columns + TILE - 1) / TILE,
        }
    }

    /// Returns the 6×6 values around every tile, as `[36, tiles × channels]`.
    fn patches(self, x: &Tensor) -> Result<Tensor, TchError> {
        let channels = x.size()[1];
        let right = TILE * self.across + 1 - self.columns;
        let bottom = TILE * self.down + 1 - self.rows;
        let padded = x
            .f_permute([0, 2, 3, 1])?
            .f_constant_pad_nd([0, 0, 1, right, 1, bottom])?
            .f_contiguous()?;
        let row = (TILE * self.across + 2) * channels;
        let plane = (TILE * self.down + 2) * row;
        let size = [PATCH, PATCH, self.planes, self.down, self.across, channels];
        let strides = [row, channels, plane, TILE * row, TILE * channels, 1];
        padded
            .f_as_strided(size, strides, None)?
            .f_contiguous()?
            .f_view([PATCH * PATCH, -1])
    }
}

/// Returns the transform of both sides at once: the Kronecker product of a matrix with itself.
fn squared(matrix: &[f64], rows: i64, columns: i64) -> Result<Tensor, TchError> {
    let matrix = Tensor::f_from_slice(matrix)?.f_view([rows, columns])?;
    matrix.f_kron(&matrix)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::network::memory::channels_last;

    fn random(shape: &[i64]) -> Tensor {
        Tensor::randn(shape, (Kind::Double, Device::Cpu))
    }

    #[test]
    fn it_computes_what_the_plain_convolution_does_for_every_side() {
        tch::manual_seed(5);
        let (kernel, bias) = (random(&[7, 5, 3, 3]), random(&[7]));
        let winograd = Winograd::new(&kernel, &bias).unwrap();
        for (n, rows, columns) in [(1, 8, 8), (2, 6, 12), (3, 1, 5), (1, 13, 2), (2, 24, 4)] {
            let x = random(&[n, 5, rows, columns]);
            let expected = x.conv2d(&kernel, Some(&bias), [1, 1], [1, 1], [1, 1], 1);
            let single = channels_last(&x.to_kind(Kind::Float)).unwrap();
            let found = winograd.forward(&single).unwrap();
            assert_eq!(found.size(), expected.size());
            let error = (expected - found).abs().max().double_value(&[]);
            assert!(error < 1e-3, "{rows}×{columns}: {error}");
        }
    }
}
