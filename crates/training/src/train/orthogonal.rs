//! Makes the momentum of a kernel orthogonal, without a matrix factorisation.

use tch::{TchError, Tensor};

/// The coefficients of the odd polynomial that moves singular values towards 1 (Jordan et al. 2024). It is steep at 0, so
/// that after five rounds they are between about 0.7 and 1.2.
const COEFFICIENTS: (f64, f64, f64) = (3.4445, -4.7750, 2.0315);
const ROUNDS: usize = 5;
/// The term that keeps the result defined for a gradient of 0.
const TINY: f64 = 1e-7;

/// Brings the singular values of a kernel `[out, in, 3, 3]`, seen as a matrix of `out` rows, to about 1, by the
/// Newton–Schulz iteration.
///
/// A tall matrix is scaled by `√(rows / columns)`, so that outputs change equally whatever the shape of the kernel.
pub(super) fn orthogonal(kernel: &Tensor) -> Result<Tensor, TchError> {
    let matrix = kernel.f_flatten(1, -1)?;
    let (rows, columns) = matrix.size2()?;
    let tall = rows > columns;
    let wide = if tall { matrix.f_tr()? } else { matrix };
    let mut x = wide.f_div(&wide.f_norm()?.f_add_scalar(TINY)?)?;
    for _ in 0..ROUNDS {
        let (a, b, c) = COEFFICIENTS;
        let square = x.f_matmul(&x.f_tr()?)?;
        let correction = square
            .f_mul_scalar(b)?
            .f_add(&square.f_matmul(&square)?.f_mul_scalar(c)?)?;
        x = x.f_mul_scalar(a)?.f_add(&correction.f_matmul(&x)?)?;
    }
    let x = if tall { x.f_tr()? } else { x };
    let scale = (rows as f64 / columns as f64).max(1.0).sqrt();
    x.f_mul_scalar(scale)?.f_reshape(kernel.size())
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    /// The singular values of the matrix that is made of a kernel of this shape.
    fn singular_values(shape: [i64; 4]) -> Vec<f32> {
        let count: i64 = shape.iter().product();
        let kernel = (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 0.7)
            .sin()
            .view(shape)
            * 5.0
            + (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 1.9)
                .cos()
                .view(shape);
        let matrix = orthogonal(&kernel).unwrap();
        assert_eq!(matrix.size(), shape);
        let (_, values, _) = matrix.flatten(1, -1).svd(true, false);
        Vec::try_from(values).unwrap()
    }

    #[test]
    fn every_direction_comes_out_about_as_long() {
        let values = singular_values([2, 3, 3, 3]);
        assert!(
            values.iter().all(|value| (0.6..1.3).contains(value)),
            "{values:?}"
        );
    }

    #[test]
    fn a_tall_kernel_is_scaled_by_its_shape() {
        let scale = (27.0f32 / 9.0).sqrt();
        let values = singular_values([27, 1, 3, 3]);
        // The kernel has two directions; a matrix of lower rank has none to stretch in the others.
        assert!(
            values[..2]
                .iter()
                .all(|value| (0.6 * scale..1.3 * scale).contains(value)),
            "{values:?}"
        );
    }

    #[test]
    fn no_gradient_is_no_step() {
        let zero = Tensor::zeros([2, 2, 3, 3], (Kind::Float, Device::Cpu));
        assert!(orthogonal(&zero).unwrap().abs().max().double_value(&[]) < 1e-6);
    }
}
